"""The console script: help, exit codes, one line for every fault."""

import io
import logging
import subprocess
import sys
import types
from pathlib import Path

import pytest

from pipelines import doctor, terminal
from pipelines.cli.main import COMMANDS, main
from pipelines.terminal import StageLines
from swaptalk_models.errors import UserError
from swaptalk_models.inference.passing import Tally

ROOT = Path(__file__).parents[2]


def swaptalk(*args) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    return ended.value.code


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_teaching_help(command, capsys):
    assert swaptalk(command, "--help") == 0
    assert len(capsys.readouterr().out.splitlines()) > 6


def test_contracts_commands_are_there():
    assert {"run", "status", "generate", "evaluate", "phantom", "bench", "recover"} <= set(COMMANDS)


def test_help_needs_nothing_heavy():
    code = "import sys; from pipelines.cli.main import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass\n"
    code += "print({'torch', 'dagster', 'cv2', 'lance'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_no_command_shows_help_and_is_2(capsys):
    assert swaptalk() == 2
    assert "Commands:" in capsys.readouterr().err


def test_unknown_command(capsys):
    assert swaptalk("trian") == 2
    assert "No such command 'trian'" in capsys.readouterr().err


def test_hdtf_with_and_without_a_folder(tmp_path, monkeypatch):
    from pipelines import run, status

    asked = []
    monkeypatch.setattr(run, "run_graph", lambda settings, **_: asked.append(settings))
    empty = {"home": "h", "stages": {}, "quarantine": [], "marked": [], "report": None, "release": None}
    monkeypatch.setattr(status, "collect", lambda home: empty)
    for words in (["--hdtf"], ["--hdtf", "--until", "clips"], ["--hdtf", tmp_path / "new"]):
        assert swaptalk("run", *words, "--home", tmp_path / "home", "--set", "download.parallel=4") == 0
    assert [settings.hdtf for settings in asked] == [str(tmp_path / "home" / "hdtf")] * 2 + [str(tmp_path / "new")]
    assert asked[0].overrides == {"download.parallel": "4"}
    assert swaptalk("run", "--hdtf", "--videos", tmp_path, "--home", tmp_path / "home") == 2


def test_hdtf_offline_is_one_line_and_2(tmp_path, capsys):
    """Nothing listens on port 9."""
    mirror = ["--set", "download.annotations=http://127.0.0.1:9"]
    assert swaptalk("run", "--hdtf", "--home", tmp_path / "home", "--until", "hdtf_catalog", *mirror) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert (
        last.startswith("swaptalk: http://127.0.0.1:9/RD_annotion_time.txt: cannot be fetched") and "offline?" in last
    )


@pytest.mark.parametrize("command", [["status"], ["clean"], ["status", "--json"]])
def test_no_home(command, tmp_path, capsys):
    assert swaptalk(*command, "--home", tmp_path / "none") == 2
    assert capsys.readouterr().err.startswith(f"swaptalk: no home at {tmp_path / 'none'}")
    assert not (tmp_path / "none").exists()


def test_recover_where_nothing_was_run(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert swaptalk("recover", "--home", tmp_path) == 2
    assert "nothing was ever run" in capsys.readouterr().err


@pytest.fixture
def inputs(tmp_path):
    for name in ("face.png", "head.mp4", "voice.wav"):
        (tmp_path / name).write_bytes(b"x")
    return ["--source", tmp_path / "face.png", "--target", tmp_path / "head.mp4", "--audio", tmp_path / "voice.wav"]


def test_generate_without_a_release(inputs, tmp_path, capsys):
    assert swaptalk("generate", *inputs, "--output", tmp_path / "out.mp4", "--home", tmp_path) == 2
    assert "no release in" in capsys.readouterr().err


def test_shipped_weights_stand_in_for_no_release_but_never_for_a_damaged_one(inputs, tmp_path, capsys, monkeypatch):
    from swaptalk_models.talks import places

    monkeypatch.delenv("SWAPTALK_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    shipped, home = tmp_path / "shipped", tmp_path / "data"
    monkeypatch.setattr(places, "SHIPPED", shipped)
    with pytest.raises(UserError, match="no release in"):
        places.chosen_release(home)
    shipped.mkdir()
    assert places.chosen_release(home) == shipped
    with pytest.raises(UserError, match="no release in"):
        places.chosen_release(tmp_path / "named")
    (home / "releases" / "v1").mkdir(parents=True)
    (home / "releases" / "current").write_text("v1\n")
    assert places.chosen_release(home) == home / "releases" / "v1"
    assert swaptalk("generate", *inputs, "--output", tmp_path / "out.mp4") == 2
    assert "v1" in capsys.readouterr().err, "a release without its files is an error, though shipped weights are there"


@pytest.mark.parametrize("output", ["out.avi", "head.mp4"])
def test_generate_never_overwrites_an_input(inputs, tmp_path, capsys, output):
    assert swaptalk("generate", *inputs, "--output", tmp_path / output, "--home", tmp_path) == 2
    assert (tmp_path / "head.mp4").read_bytes() == b"x"


def test_generate_says_where_the_video_is(inputs, tmp_path, capsys, monkeypatch):
    from pipelines.cli import generate

    asked = []
    result = types.SimpleNamespace(tally=Tally(3, 2, 0, {"covered": 1}))
    monkeypatch.setattr(generate, "make_video", lambda *args, **chosen: asked.append(chosen["detail"]) or result)
    assert swaptalk("generate", *inputs, "--output", tmp_path / "out.mp4") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == f"video: {tmp_path / 'out.mp4'}"
    assert "1 frames show the face covered and were passed through" in said.err
    assert swaptalk("generate", *inputs, "--output", tmp_path / "out.mp4", "--detail", "off") == 0
    assert asked == [True, False]


def test_an_interruption_says_how_to_go_on(inputs, tmp_path, capsys, monkeypatch):
    from pipelines.cli import generate

    def stopped(*args, **chosen):
        folder = tmp_path / ".out.mp4.unfinished"
        folder.mkdir()
        for name in ("000000.mp4", "000000.json"):
            (folder / name).write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(generate, "make_video", stopped)
    assert swaptalk("generate", *inputs, "--output", tmp_path / "out.mp4") == 130
    assert "0:09 of it are finished; the same command with --resume goes on" in capsys.readouterr().err


def test_batch_lists_and_cancels(tmp_path, capsys):
    from swaptalk_models.talks.job_file import Talk
    from swaptalk_models.talks.queue import Entry, TalkQueue

    assert swaptalk("batch", "--home", tmp_path) == 0 and capsys.readouterr().out == "0 talks\n"
    TalkQueue(tmp_path).write(Entry("abc123", Talk("a.png", "b.mp4", "c.wav", "/d.mp4")))
    assert swaptalk("batch", "--cancel", "abc", "--home", tmp_path) == 0
    assert swaptalk("batch", "--home", tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["abc123  /d.mp4  cancelled", "1 talks: 1 cancelled"]
    assert swaptalk("batch", "--cancel", "xyz", "--home", tmp_path) == 2


def test_demo_ends_with_report_and_video(tmp_path, capsys, monkeypatch):
    from pipelines.cli import demo, run

    monkeypatch.setattr(run, "make_everything", lambda *args: {"report": "/r.html"})
    monkeypatch.setattr(demo, "customised_face", lambda home: "/v.mp4")
    assert swaptalk("demo", "--home", tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["report: /r.html", "video: /v.mp4"]


def test_doctor_names_the_package_that_is_missing(monkeypatch):
    def no_gl(name):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(doctor.importlib, "import_module", no_gl)
    assert doctor.complaints(["cv2"]) == ["cv2 needs the system library libGL.so.1: apt-get install libgl1"]


def test_doctor_says_other_faults_as_they_are():
    assert doctor.complaints(["no_such_wheel"]) == ["no_such_wheel does not import: No module named 'no_such_wheel'"]


def test_progress_without_a_terminal_is_a_line_now_and_then(tmp_path):
    with open(tmp_path / "out", "w") as stream:
        lines = StageLines(stream)
        for step in range(100):
            record = logging.LogRecord("x", logging.INFO, "", 0, f"step {step}", (), None)
            record.dagster_meta = {"dagster_event": None, "step_key": "vqgan", "orig_message": f"step {step}"}
            lines.handle(record)
    assert (tmp_path / "out").read_text() == "  vqgan: step 0\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_fits_the_terminal_and_says_how_long_the_rest_takes(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: clock[0])
    monkeypatch.setenv("COLUMNS", "40")
    lines = StageLines(Terminal())

    def said(message) -> str:
        record = logging.LogRecord("x", logging.INFO, "", 0, message, (), None)
        record.dagster_meta = {"dagster_event": None, "step_key": "vqgan", "orig_message": message}
        lines.handle(record)
        return lines.stream.getvalue().rpartition("\r")[2].removeprefix("\x1b[2K")

    assert said("step 100/1,000  5 steps/s  loss 0.1234") == "  vqgan: step 100/1,000  5 steps/s  los"
    clock[0] = 100.0
    assert said("step 300/1,000  5 steps/s").startswith("  vqgan: step 300/1,000, 6 min left  5")
    assert said("7 figures") == "  vqgan: 7 figures"
    monkeypatch.setenv("COLUMNS", "200")
    said("step 9 (10 % of the budget)  5 steps/s")
    clock[0] = 200.0
    assert said("step 90 (20 % of the budget)  5 steps/s").endswith("(20 % of the budget), 13 min left  5 steps/s")


def test_durations():
    seconds = (40, 100, 12_000, 200_000)
    assert [terminal.duration(value) for value in seconds] == ["40 s", "2 min", "3 h 20 min", "2 d 7 h"]


@pytest.fixture
def judged(monkeypatch):
    """Judges that need no weights and find what a test says."""
    from swaptalk_models.evaluation.measure import judging
    from swaptalk_models.metrics import evaluate

    found = {
        "frames": 3,
        "excluded": {},
        "metrics": {"fid": None, "ssim": 0.5},
        "judges": {"sync": None},
        "details": {"more": 1},
    }
    monkeypatch.setattr(judging, "load_judges", lambda *args: None)
    monkeypatch.setattr(evaluate, "evaluate_video", lambda *args: found | {"private": 2})
    return found


def test_evaluate_json_is_the_contracts(inputs, tmp_path, capsys, judged):
    import json

    head = tmp_path / "head.mp4"
    assert swaptalk("evaluate", "--generated", head, "--target", head, "--home", tmp_path / "none", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == judged
    assert "no sync_judge" in said.err


def test_evaluate_without_a_target(inputs, tmp_path, capsys, judged):
    assert swaptalk("evaluate", "--generated", tmp_path / "head.mp4", "--home", tmp_path / "none") == 0
    assert "ssim                  0.5000" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--syncnet", "--inception"])
def test_evaluate_names_weights_that_are_none(inputs, tmp_path, capsys, option):
    head = tmp_path / "head.mp4"
    assert swaptalk("evaluate", "--generated", head, option, head, "--home", tmp_path / "none") == 2
    assert f"swaptalk: {head}: not the weights of" in capsys.readouterr().err


def test_evaluate_names_further_files_that_are_none(inputs, tmp_path, capsys):
    head, none = tmp_path / "head.mp4", ("--home", tmp_path / "none")
    for option, said in (
        ("--lipreader", "no lipreader: not a TorchScript file"),
        ("--second-identity", "no FaceRes graph"),
        ("--phonemes", "no list of phonemes"),
    ):
        assert swaptalk("evaluate", "--generated", head, option, head, *none) == 2
        assert f"swaptalk: {head}: {said}" in capsys.readouterr().err
    assert swaptalk("evaluate", "--generated", tmp_path, "--phonemes", head, *none) == 2
    assert "--phonemes is of one video" in capsys.readouterr().err


def test_evaluate_a_folder_of_nothing(inputs, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert swaptalk("evaluate", "--generated", tmp_path / "empty", "--home", tmp_path / "none") == 2
    assert "no videos in there" in capsys.readouterr().err
    assert (
        swaptalk(
            "evaluate",
            "--generated",
            tmp_path / "head.mp4",
            "--target",
            tmp_path / "empty",
            "--home",
            tmp_path / "none",
        )
        == 2
    )
    assert "goes with a folder as --generated" in capsys.readouterr().err


def test_bench_that_needs_a_home_says_so(tmp_path, capsys):
    assert swaptalk("bench", "cache", "--home", tmp_path) == 2
    assert "no training snapshot" in capsys.readouterr().err
