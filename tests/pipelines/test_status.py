"""`swaptalk status`: the JSON is a contract."""

import dataclasses
import json
import subprocess
import sys

import pytest

from pipelines.cli.main import main
from pipelines.status import collect
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger, StageReport
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.rehearsal.precheck import Finding, keep

REASON = "b: no face in 12 of 12 frames"


def entry(stage, clip, video, status=OK, rows=0, reason=""):
    return Entry(stage, clip, video, "f", "i", "1", "p", status, reason=reason, rows=rows)


@pytest.fixture
def home(tmp_path) -> Home:
    """Video a is fine but for a mark, b has no face in one of its two clips, c is no video at all."""
    home = Home(tmp_path / "home").create()
    home.update_state(preset="tiny", report=str(tmp_path / "gone.html"))
    with Ledger(home.ledger) as ledger:
        ledger.commit(
            [entry("raw_videos", v, v) for v in "ab"]
            + [entry("raw_videos", "c", "c", QUARANTINED, reason="not a video")]
        )
        for clip in ("a_000", "b_000", "b_001"):
            ledger.commit([entry("clips", clip, clip[0]), entry("mels", clip, clip[0], rows=1)])
        ledger.commit([entry("face_crops", clip, clip[0], rows=100) for clip in ("a_000", "b_000")])
        ledger.commit([entry("face_tracks", "b_001", "b", QUARANTINED, reason=REASON)])
        mark = dataclasses.replace(
            entry("quality", "a_000", "a", "marked", reason="face too blurred"), output={"gates": ["blurred"]}
        )
        ledger.commit([mark, entry("quality", "b_000", "b")])
        ledger.record(StageReport("mels", 2, 1, 0, 1.234), "run1")
        ledger.record(StageReport("sync_offsets", 2), "run1")
    home.clips.mkdir()
    home.clip_video("a_000").write_bytes(b"video")
    for version in "ab":
        (home.snapshots / version).mkdir(parents=True)
        home.manifest(version).touch()
    (home.snapshots / "current").write_text("b\n")
    folder = home.models / "vqgan" / "v1"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(
        json.dumps({"step": 700, "metrics": {"psnr_db": 24.5, "upper_use": 0.3}, "baselines": {"psnr_db": 20.0}})
    )
    (folder / "evaluation.json").write_text(json.dumps({"metrics": {"upper_use": 0.4}}))
    make_current(ModelFolder(folder))
    return home


def test_contract(home):
    assert collect(home) == {
        "home": str(home.root),
        "preset": "tiny",
        "failed": None,
        "precheck": [],
        "videos": {"total": 3, "ok": 2, "quarantined": 1},
        "clips": {"total": 4, "ok": 2, "quarantined": 2},
        "frames": 200,
        "quarantine": [
            {"clip": "b_001", "stage": "face_tracks", "reason": REASON},
            {"clip": "c", "stage": "raw_videos", "reason": "not a video"},
        ],
        "marked": [{"clip": "a_000", "gates": ["blurred"], "reason": "face too blurred"}],
        "stages": {"mels": {"computed": 2, "cached": 1, "quarantined": 0, "seconds": 1.23}},
        "models": {
            "vqgan": {
                "version": "v1",
                "path": str(home.models / "vqgan" / "v1"),
                "step": 700,
                "metrics": {"psnr_db": 24.5, "upper_use": 0.4},
                "baselines": {"psnr_db": 20.0},
                "wanted": {"psnr_db": ">= 24", "upper_use": ">= 0.25", "lower_use": ">= 0.25"},
            }
        },
        "report": None,
        "release": None,
        "orphans": {},
        "data": {
            "raw_videos": {"path": None, "clips": 2, "rows": 0, "bytes": 0},
            "clips": {"path": str(home.clips), "clips": 3, "rows": 0, "bytes": 5},
            "mels": {"path": None, "clips": 3, "rows": 3, "bytes": 0},
            "face_crops": {"path": None, "clips": 2, "rows": 200, "bytes": 0},
        },
        "snapshots": {"current": "b", "versions": ["a", "b"]},
    }


def test_half_trained_model_is_not_there(home):
    make_current(ModelFolder(home.models / "vqgan" / "v2"))
    assert collect(home)["models"] == {}


def test_orphans_do_not_count(home):
    with Ledger(home.ledger) as ledger:
        ledger.orphan_other_videos(["a"])
    status = collect(home)
    assert (status["videos"]["total"], status["clips"]["total"], status["quarantine"]) == (1, 1, [])
    assert status["orphans"] == {"clips": 2, "face_crops": 1, "face_tracks": 1, "mels": 2, "raw_videos": 2}


def test_nothing_slow_is_imported():
    code = "import sys, pipelines.status; print({'dagster', 'lance', 'pyarrow', 'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_empty_home_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="swaptalk run --home"):
        collect(Home(tmp_path))


def test_command_prints_json_and_nothing_else(home, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["status", "--home", str(home.root), "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 200


def test_command_prints_a_table_for_people(home, capsys):
    home.update_state(study=("no-expert", "f16"))
    with pytest.raises(SystemExit):
        main(["status", "--home", str(home.root)])
    out = capsys.readouterr().out
    shown = (
        "2 ok, 1 quarantined, 3 in all",
        "what is where",
        "training snapshot b, 2 kept in all",
        "frames   200",
        ">= 24",
        REASON,
        "1 of them marked",
        "marked a_000: face too blurred",
        "an ablation study (no-expert, f16) is at work here, or was killed",
        f"swaptalk run --home {home.root} --preset tiny",
    )
    for said in shown:
        assert said in out


def test_a_figure_stands_beside_its_baseline_and_what_is_wanted(home, capsys):
    with pytest.raises(SystemExit):
        main(["status", "--home", str(home.root)])
    row = next(line.split() for line in capsys.readouterr().out.splitlines() if "psnr_db" in line)
    assert row == ["vqgan", "psnr_db", "24.5", "20", ">=", "24"]


def test_what_was_too_little_before_the_last_run_stays_in_sight(home, capsys):
    keep(home, [Finding("people to train on", "3", "too few", "at chance"), Finding("disk", "9 GiB free", "enough")])
    with pytest.raises(SystemExit):
        main(["status", "--home", str(home.root)])
    out = capsys.readouterr().out
    assert "people to train on" in out and "at chance" in out and "9 GiB free" not in out
    assert [found["verdict"] for found in collect(home)["precheck"]] == ["too few", "enough"]
