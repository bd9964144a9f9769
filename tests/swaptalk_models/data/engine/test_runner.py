import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from swaptalk_models.data.engine import runner as module
from swaptalk_models.data.engine import workers as workers_module
from swaptalk_models.data.engine.items import Item, Result
from swaptalk_models.data.engine.runner import run_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Ledger
from swaptalk_models.errors import BadClip, UserError


@dataclass(frozen=True)
class Params:
    factor: int = 1


def work(item: Item, home: Home, params: Params) -> Result:
    if "bad" in str(item.inputs):
        raise BadClip(f"{item.clip}:\n no face")
    frames = [i * params.factor for i in range(3)]
    table = pa.table({"clip": [item.clip] * 3, "video": [item.video] * 3, "frame": pa.array(frames, pa.int32())})
    return Result({"rows": str(frames)}, table)


@pytest.fixture
def home(tmp_path: Path, state: str) -> Home:
    return Home(tmp_path / "home").create()


def items(*clips: str, **inputs: str) -> list[Item]:
    return [Item(clip, clip.split("_")[0], inputs.get(clip, "content")) for clip in clips]


def run(home: Home, todo: list[Item], videos: list[str] | None = None, factor: int = 1, **more):
    videos = list({item.video for item in todo}) if videos is None else videos
    more = {"work": work, "table": True} | more
    return run_stage("mels", lambda: todo, videos, home=home, params=Params(factor), **more)


def counts(report) -> tuple[int, int, int]:
    return report.computed, report.cached, report.quarantined


def content(home: Home) -> list[tuple[str, int]]:
    rows = tables.open_table(home, "mels").to_table().to_pylist()
    return sorted((row["clip"], row["frame"]) for row in rows)


def test_only_what_is_new_or_stale_is_done(home: Home):
    todo = items("a_0", "a_1", "b_0")
    assert counts(run(home, todo)) == (3, 0, 0)
    assert counts(run(home, todo)) == (0, 3, 0)
    assert counts(run(home, todo + items("c_0"))) == (1, 3, 0)
    assert counts(run(home, items("a_0", "a_1", "b_0", "c_0", a_1="other"))) == (1, 3, 0)
    assert content(home) == [(clip, frame) for clip in ("a_0", "a_1", "b_0", "c_0") for frame in range(3)]


def test_parameters_and_code_version_make_stale_and_replace_the_rows(home: Home, monkeypatch):
    todo = items("a_0", "b_0")
    run(home, todo)
    assert counts(run(home, todo, factor=2)) == (2, 0, 0)
    assert content(home) == [(clip, frame) for clip in ("a_0", "b_0") for frame in (0, 2, 4)]
    monkeypatch.setitem(module.CODE_VERSIONS, "mels", "another")
    assert counts(run(home, todo, factor=2)) == (2, 0, 0)


def test_bad_clip_is_quarantined_and_tried_again_only_on_change(home: Home):
    todo = items("a_0", "b_0", b_0="bad")
    assert counts(run(home, todo)) == (1, 0, 1)
    assert counts(run(home, todo)) == (0, 1, 1)
    with Ledger(home.ledger) as ledger:
        (bad,) = ledger.quarantine()
        assert (bad.clip, bad.stage, bad.reason) == ("b_0", "mels", "b_0: no face")
        updated = bad.updated_at
    run(home, todo)
    with Ledger(home.ledger) as ledger:
        assert ledger.quarantine()[0].updated_at == updated
    assert counts(run(home, items("a_0", "b_0"))) == (1, 1, 0)
    assert counts(run(home, todo)) == (0, 1, 1)
    assert content(home) == [("a_0", frame) for frame in range(3)], "rows of a clip that has become bad must go"


def test_other_videos_are_not_looked_at(home: Home):
    run(home, items("a_0", "b_0"))
    assert counts(run(home, items("b_0", b_0="new"), ["b"])) == (1, 0, 0)
    with Ledger(home.ledger) as ledger:
        assert not ledger.orphans()


def test_clip_that_is_no_longer_wanted_becomes_an_orphan_and_can_come_back(home: Home):
    run(home, items("a_0", "a_1"))
    assert counts(run(home, items("a_0"))) == (0, 1, 0)
    with Ledger(home.ledger) as ledger:
        assert [entry.clip for entry in ledger.orphans()] == ["a_1"]
    assert len(content(home)) == 6, "nothing is deleted"
    assert counts(run(home, items("a_0", "a_1"))) == (0, 2, 0)
    with Ledger(home.ledger) as ledger:
        assert not ledger.orphans()


@pytest.mark.parametrize("recompute", [False, True])
def test_kill_between_table_and_ledger_leaves_no_double_rows(home: Home, monkeypatch, recompute: bool):
    todo = items("a_0", "a_1", "b_0")
    if recompute:
        run(home, todo, factor=2)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            run(home, todo)
    assert len(content(home)) == 9, "the rows were written; the ledger was not"
    assert counts(run(home, todo)) == (3, 0, 0)
    assert content(home) == [(clip, frame) for clip in ("a_0", "a_1", "b_0") for frame in range(3)]


def test_kill_in_the_middle_of_replacing_does_not_trust_the_old_entry(home: Home, monkeypatch):
    todo = items("a_0", "b_0")
    run(home, todo)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tables, "_commit", killed)
        with pytest.raises(KeyboardInterrupt):
            run(home, todo, factor=2)
    assert len(content(home)) == 6, "the old rows and the new ones change places at once, or not"
    assert counts(run(home, todo)) == (2, 0, 0), "with the old parameters, too, everything is done again"
    assert len(content(home)) == 6


def end_badly(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), home.writing("mels"):
        raise ZeroDivisionError


def test_power_cut_that_took_the_ledgers_last_entries_doubles_no_row(home: Home):
    todo = items("a_0", "a_1", "b_0")
    run(home, todo)
    with Ledger(home.ledger) as ledger:
        ledger.forget("mels", ["a_1", "b_0"])
    end_badly(home)
    assert counts(run(home, todo)) == (2, 1, 0)
    assert content(home) == [(clip, frame) for clip in ("a_0", "a_1", "b_0") for frame in range(3)]


def test_power_cut_that_took_rows_is_noticed(home: Home):
    run(home, items("a_0", "b_0"))
    tables.delete_clips(home, "mels", ["b_0"])
    end_badly(home)
    assert counts(run(home, items("a_0", "b_0"))) == (1, 1, 0)


def test_files_of_other_parameters_are_not_trusted_after_a_kill(home: Home):
    """A stage of files replaces them while it works: then the ledger's old entry says nothing any more."""

    def cut(item, home, params):
        (home.root / item.clip).write_text(str(params.factor))
        if params.factor == 2 and item.clip == "b_0":
            raise KeyboardInterrupt  # a_0 and b_0 are replaced, and neither is in the ledger
        return Result({})

    todo = items("a_0", "b_0", "c_0")
    run(home, todo, work=cut, table=False)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module._Stage, "flush", lambda self: None)
        run(home, todo, work=cut, table=False, factor=2)
    assert counts(run(home, todo, work=cut, table=False)) == (2, 1, 0)
    assert [(home.root / item.clip).read_text() for item in todo] == ["1", "1", "1"]


def test_what_a_stage_reads_is_looked_at_when_nobody_can_change_it(home: Home):
    def look():
        with pytest.raises(UserError, match="is at work on clips"), home.writing("clips"):
            pass
        return items("a_0")

    run_stage("mels", look, ["a"], home=home, params=Params(), work=work, table=True, reads=("clips",))
    assert len(content(home)) == 3


def test_half_written_files_of_a_crashed_worker_are_gone(home: Home):
    home.spool.mkdir()
    (home.spool / ".mels.a_0.4711.part").write_text("half")
    (home.spool / ".face_crops.a_0.4711.part").write_text("somebody else's")
    run(home, items("a_0"))
    assert [path.name for path in home.spool.iterdir()] == [".face_crops.a_0.4711.part"]


def surprised(item: Item, home: Home, params: Params) -> Result:
    if item.clip == "b_0":
        raise ValueError("Frame does not match\n AudioResampler setup.")
    return work(item, home, params)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_surprise_in_one_item_stops_no_other_and_names_its_file(home: Home, workers: int):
    todo = [replace(item, payload={"path": f"/talks/{item.clip}.mkv"}) for item in items("a_0", "b_0", "c_0")]
    assert counts(run(home, todo, work=surprised, workers=workers)) == (2, 0, 1)
    with Ledger(home.ledger) as ledger:
        (bad,) = ledger.entries("mels", None, QUARANTINED).values()
    assert bad.clip == "b_0" and bad.reason.startswith("/talks/b_0.mkv: ") and "\n" not in bad.reason
    assert "ValueError: Frame does not match AudioResampler setup." in bad.reason and "test_runner.py" in bad.reason
    assert counts(run(home, todo)) == (1, 2, 0), "tried again: it may have been the machine's"


def test_a_surprise_in_all_items_is_no_items_fault(home: Home):
    def faulty(item, home, params):
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="none of 3 could be done"):
        run(home, items("a_0", "b_0", "c_0"), work=faulty)
    assert counts(run(home, items("a_0", "b_0", "c_0"))) == (3, 0, 0)


def test_what_the_user_can_mend_stops_the_run_but_keeps_what_is_done(home: Home):
    def faulty(item, home, params):
        if item.clip == "c_0":
            raise UserError("dlib's model is missing")
        return work(item, home, params)

    with pytest.raises(UserError, match="is missing"):
        run(home, items("a_0", "b_0", "c_0"), work=faulty)
    assert counts(run(home, items("a_0", "b_0", "c_0"))) == (1, 2, 0)


def test_lost_table_or_file_is_made_again(home: Home):
    import shutil

    run(home, items("a_0"))
    shutil.rmtree(home.table("mels"))
    assert counts(run(home, items("a_0"))) == (1, 0, 0)
    assert counts(run(home, items("a_0"), there=lambda home, item: False)) == (1, 0, 0)
    assert len(content(home)) == 3


def test_second_writer_is_refused(home: Home):
    with home.writing("mels"), pytest.raises(UserError, match="is at work on mels"):
        run(home, items("a_0"))


@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), BadClip("damaged data (No space left on device)")]
)
def test_full_disk_is_told_and_nothing_is_quarantined(home: Home, fault):
    def full(item, home, params):
        raise fault

    with pytest.raises(UserError, match="disk is full"):
        run(home, items("a_0"), work=full)
    assert counts(run(home, items("a_0"))) == (1, 0, 0)


def deadly(item: Item, home: Home, params: Params) -> Result:
    if item.clip == "b_0":
        os._exit(11)  # as a decoder that crashes
    return work(item, home, params)


def test_clip_that_kills_its_worker_is_quarantined_alone(home: Home):
    todo = items("a_0", "b_0", "c_0", "d_0", "e_0", "f_0")
    assert counts(run(home, todo, work=deadly, workers=2)) == (5, 0, 1)
    with Ledger(home.ledger) as ledger:
        assert ledger.entries("mels")["b_0"].status == QUARANTINED and "crashes" in ledger.entries("mels")["b_0"].reason
        assert [entry.status for entry in ledger.entries("mels").values()].count(OK) == 5
    assert len(content(home)) == 15


def slow(item: Item, home: Home, params: Params) -> Result:
    time.sleep(0.05)
    return work(item, home, params)


def _long_run(root: str) -> None:
    module.GROUP_CLIPS = 2
    run(Home(Path(root)), items(*[f"v_{i:03d}" for i in range(40)]), work=slow, workers=2)


def test_kill_nine_and_rerun_is_as_if_undisturbed(home: Home):
    todo = items(*[f"v_{i:03d}" for i in range(40)])
    code = "import sys; sys.path.insert(0, sys.argv[1]); from test_runner import _long_run; _long_run(sys.argv[2])"
    process = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), str(home.root)])
    deadline = time.monotonic() + 120
    with Ledger(home.ledger) as ledger:
        while time.monotonic() < deadline and not ledger.entries("mels"):
            time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    computed, cached, bad = counts(run(home, todo))
    assert computed + cached == 40 and bad == 0 and cached > 0
    assert content(home) == [(f"v_{i:03d}", frame) for i in range(40) for frame in range(3)]


def _insist(root: str, factor: str) -> None:
    """As somebody who starts the run again until nobody stands in its way."""
    module.GROUP_CLIPS = 2
    while True:
        try:
            return run(
                Home(Path(root)), items(*[f"v_{i:03d}" for i in range(20)]), work=slow, workers=2, factor=int(factor)
            )
        except UserError as error:
            assert "is at work on mels" in str(error), error
            time.sleep(0.05)


def test_two_runs_at_once(home: Home):
    code = "import sys; sys.path.insert(0, sys.argv[1]); from test_runner import _insist; _insist(*sys.argv[2:])"
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(home.root)]
    both = [subprocess.Popen([*command, factor], stderr=subprocess.DEVNULL) for factor in ("1", "2")]
    assert [process.wait(60) for process in both] == [0, 0]
    frames = [frame for _, frame in content(home)]
    assert frames in ([0, 1, 2] * 20, [0, 2, 4] * 20), "all rows are one run's, the later one's"
    assert counts(run(home, items(*[f"v_{i:03d}" for i in range(20)]), factor=max(frames) // 2)) == (0, 20, 0)


def test_workers_give_what_one_process_gives(home: Home, tmp_path: Path):
    other = Home(tmp_path / "other").create()
    todo = items(*[f"v_{i:03d}" for i in range(20)])
    run(home, todo, workers=2)
    run(other, todo, workers=1)
    assert content(home) == content(other)
    with Ledger(home.ledger) as one, Ledger(other.ledger) as two:
        plain = partial(replace, seconds=0.0, updated_at=0.0)
        assert [plain(e) for e in one.entries("mels").values()] == [plain(e) for e in two.entries("mels").values()]


def hang(item: Item, home: Home, params: Params) -> Result:
    if item.inputs == "soft":
        while True:
            time.sleep(0.01)
    if item.inputs == "hard":  # a library that never comes back: no signal is handled
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(60)
    return work(item, home, params)


@pytest.mark.parametrize(("kind", "workers"), [("soft", 1), ("soft", 2), ("hard", 2)])
def test_clip_that_hangs_is_quarantined_and_the_others_are_done(home: Home, monkeypatch, kind, workers):
    todo = items("a_0", "b_0", "c_0", b_0=kind)
    how = {"work": hang, "workers": workers, "time_limit": 0.3}
    if kind == "hard":
        monkeypatch.setattr(workers_module, "GRACE_S", 0.2)
        how["work"] = partial(_short_grace, hang)
    started = time.monotonic()
    assert counts(run(home, todo, **how)) == (2, 0, 1)
    assert time.monotonic() - started < 20
    with Ledger(home.ledger) as ledger:
        (bad,) = ledger.quarantine()
    assert bad.clip == "b_0" and "not done after 0.3 s (limits.item_seconds)" in bad.reason
    assert counts(run(home, todo, **how)) == (0, 2, 1), "not tried again ..."
    assert counts(run(home, todo, **how | {"time_limit": 0.2})) == (0, 2, 1)
    assert counts(run(home, todo, workers=workers, time_limit=5.0)) == (1, 2, 0), "... until the limit is raised"
    assert content(home) == [(clip, frame) for clip in ("a_0", "b_0", "c_0") for frame in range(3)]
    assert signal.getitimer(signal.ITIMER_REAL)[1] == 0, (
        "the limit's timer, which comes again, is off; the tests' own may run"
    )


def _short_grace(do, item: Item, home: Home, params: Params) -> Result:
    """In the worker: the grace of `deadline` is long on purpose."""
    import faulthandler

    faulthandler.dump_traceback_later(0.5, exit=True, file=os.open(os.devnull, os.O_WRONLY))
    return do(item, home, params)
