import os
from pathlib import Path

import pytest

from swaptalk_models.data.store import ledger as module
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger, StageReport
from swaptalk_models.errors import UserError


@pytest.fixture
def ledger(tmp_path: Path, state: str):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def entry(clip: str, video: str = "v", stage: str = "clips", status: str = OK, **more) -> Entry:
    return Entry(stage, clip, video, "f", "i", "1", "p", status, **more)


def test_entries_come_back_as_they_were(ledger: Ledger):
    ledger.commit([entry("b", output={"frames": 3}, rows=3), entry("a", status=QUARANTINED, reason="no face")])
    found = ledger.entries("clips")
    assert list(found) == ["a", "b"]
    assert found["b"].output == {"frames": 3} and found["b"].rows == 3 and found["b"].updated_at > 0
    assert [e.reason for e in ledger.quarantine()] == ["no face"]
    assert ledger.counts() == {("clips", OK): (1, 1, 3), ("clips", QUARANTINED): (1, 1, 0)}


def test_only_the_videos_asked_for(ledger: Ledger):
    ledger.commit([entry(f"{v}_000", v) for v in ("a", "b", "c")])
    assert list(ledger.entries("clips", ["c", "a"])) == ["a_000", "c_000"]
    assert ledger.entries("clips", []) == {}
    many = [f"v{i}" for i in range(3000)] + ["b"]
    assert list(ledger.entries("clips", many)) == ["b_000"]


def test_asking_about_a_video_reads_an_index_not_the_stage(tmp_path: Path):
    asked = []
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        connection = ledger._db.connection
        connection.set_trace_callback(asked.append)
        ledger.entries("clips", ["a"], OK)
        connection.set_trace_callback(None)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {asked[-1]}").fetchall()
    assert any("USING INDEX work_by_video (video=? AND stage=?)" in row[-1] for row in plan), plan


def test_pending_lasts_until_the_commit(ledger: Ledger):
    ledger.begin("clips", ["a", "b"])
    assert ledger.pending("clips") == ["a", "b"] and ledger.pending("mels") == []
    ledger.commit([entry("a")])
    assert ledger.pending("clips") == ["b"]
    ledger.forget("clips", ["b"])
    assert ledger.pending("clips") == []


def test_failed_transaction_leaves_nothing(ledger: Ledger):
    with pytest.raises(TypeError):
        ledger.commit([entry("a"), entry("b", output={"x": object()})])
    with pytest.raises(Exception, match="(?i)adapt|bind|support"):
        ledger.begin("clips", ["ok", object()])
    assert ledger.entries("clips") == {} and ledger.pending("clips") == []


def test_vanished_videos_become_orphans_once(ledger: Ledger):
    ledger.commit([entry("a_000", "a"), entry("b_000", "b"), entry("b_000", "b", "mels")])
    assert ledger.orphan_other_videos(["a"]) == ["b"]
    assert ledger.orphan_other_videos(["a"]) == []
    assert list(ledger.entries("clips")) == ["a_000"] and list(ledger.entries("clips", orphaned=None)) == [
        "a_000",
        "b_000",
    ]
    assert [(e.stage, e.clip) for e in ledger.orphans()] == [("clips", "b_000"), ("mels", "b_000")]


def test_file_is_read_again_only_when_it_was_touched(ledger: Ledger, tmp_path: Path, monkeypatch):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"one")
    read = []
    monkeypatch.setattr(module, "hash_file", lambda p: read.append(p) or f"hash of {Path(p).read_bytes()}")
    first = ledger.file_hash(path)
    assert ledger.file_hash(path) == first and len(read) == 1
    os.utime(path, ns=(1, 1))
    assert ledger.file_hash(path) == first and len(read) == 2
    path.write_bytes(b"two!")
    assert ledger.file_hash(path) != first


def test_counts_of_the_last_run(ledger: Ledger):
    ledger.record(StageReport("clips", 5, 0, 1, 2.0), "first")
    ledger.record(StageReport("clips", 1, 5, 0, 1.0), "second")
    ledger.record(StageReport("clips", 1, 0, 0, 1.0), "second")
    ledger.record(StageReport("mels", 0, 6, 0, 0.1), "second")
    assert ledger.last_run() == {"clips": StageReport("clips", 2, 5, 0, 2.0), "mels": StageReport("mels", 0, 6, 0, 0.1)}


def test_what_is_no_ledger_is_named(tmp_path: Path):
    (tmp_path / "ledger.sqlite").write_text("this is no database, and long enough to be looked at as one " * 20)
    with pytest.raises(UserError, match="ledger.sqlite: cannot be opened"):
        Ledger(tmp_path / "ledger.sqlite")
