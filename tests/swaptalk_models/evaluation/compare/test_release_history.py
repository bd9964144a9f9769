"""The releases of a home over time."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.snapshot import SCHEMA, load_snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import (
    CHOSEN,
    REFUSED,
    RELEASED,
    ReleaseEvent,
    add_event,
    held_back,
    log_file,
    read_log,
    refused,
)
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare import release_history
from swaptalk_models.evaluation.compare.release_history import (
    data_between,
    figures,
    history,
    record_refusal,
    record_release,
)
from swaptalk_models.settings.preset import load_preset

PRESET = load_preset("tiny")


def snapshot(home: Home, version: str, videos: dict[str, str]) -> None:
    """{video: its content}"""
    rows = [
        {
            "clip": f"{video}_000",
            "video": video,
            "person": video[0],
            "split": "train",
            "frames": 50,
            "mels_hash": content,
        }
        for video, content in videos.items()
    ]
    home.manifest(version).parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), home.manifest(version))
    (home.snapshots / "current").write_text(version)


def made(home: Home, version: str, models: dict[str, str], snapshot: str, at: float) -> None:
    """A release, as it was made before there was a log."""
    folder = home.releases / version
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps({"models": models, "snapshot": snapshot, "preset": "tiny"}))
    videos = [{"setting": "self", "id_similarity": 0.5 + n / 10} for n in range(5)]
    (folder / "evaluation.json").write_text(json.dumps({"videos": videos}))
    os.utime(folder / "release.json", (at, at))
    (home.releases / "current").write_text(version + "\n")


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home").create()
    snapshot(home, "s1", {"a1": "x", "b1": "x", "c1": "x"})
    snapshot(home, "s2", {"a1": "x", "b1": "other", "d1": "x", "e1": "x"})
    made(home, "r1", {"vqgan": "v1", "lip_sync": "l1"}, "s1", at=100.0)
    made(home, "r2", {"vqgan": "v1", "lip_sync": "l2"}, "s2", at=200.0)
    return home


def test_releases_of_before_the_log(home):
    newest, first = history(home)
    assert (newest.event.version, newest.in_use, newest.changed) == ("r2", True, ("lip_sync",))
    assert (first.event.version, first.in_use, first.changed, first.there) == ("r1", False, (), True)
    assert newest.event.data == {
        "people": 4, "videos": 4, "clips": 4, "frames": 200, "came": ["d1", "e1"], "left": ["c1"], "changed": ["b1"],
    }  # fmt: skip
    (figure,) = newest.event.figures
    assert figure["value"] == pytest.approx(0.7) and figure["low"] < 0.7 < figure["high"] and figure["videos"] == 5


def test_every_event_in_its_place(home, monkeypatch):
    found = {"models": {"vqgan": "v3", "lip_sync": "l3"}, "videos": [{"setting": "self", "lse_c": 3.0}]}
    monkeypatch.setattr(release_history, "measurements", lambda home, preset: found)
    for _ in range(2):
        record_refusal(home, PRESET, "r3", ["lse_c was 5 and is 3"])
    add_event(home, ReleaseEvent(CHOSEN, "r1", 10**10, "r2", "lips blurred", {"vqgan": "v1", "lip_sync": "l1"}, "s1"))
    (home.releases / "current").write_text("r1")
    rows = history(home)
    assert [(row.event.kind, row.event.version, row.in_use) for row in rows] == [
        (CHOSEN, "r1", True), (REFUSED, "r3", False), (RELEASED, "r2", False), (RELEASED, "r1", False),
    ]  # fmt: skip
    assert rows[1].changed == ("vqgan", "lip_sync") and not rows[1].there and rows[0].changed == ("lip_sync",)
    record_release(home, PRESET, "r3", "r1", ["lse_c"])
    assert history(home)[1].event.reason == "although worse: lse_c", "by their time"
    assert refused(read_log(home), "r3") is None


def test_what_is_noted_does_not_hang_on_folders(home, monkeypatch):
    monkeypatch.setattr(release_history, "measurements", lambda home, preset: {"models": {}, "videos": []})
    record_release(home, PRESET, "r3", "r1", [])
    (home.snapshots / "s1" / "manifest.parquet").unlink()
    (event,) = read_log(home)
    assert event.data["came"] == ["d1", "e1"]
    row = next(row for row in history(home) if row.event.version == "r3")
    assert not row.there and row.event.data["left"] == ["c1"]


def test_no_figure_without_a_measurement():
    assert figures([{"setting": "cross", "id_retrieve": 50.0, "lmd": None}]) == [
        {"setting": "cross", "metric": "id_retrieve", "value": 50.0, "low": None, "high": None, "videos": 1}
    ]


def test_the_first_release_has_nothing_before_it(home):
    assert "came" not in data_between(None, load_snapshot(home, "s1"))
    assert data_between(load_snapshot(home, "s1"), load_snapshot(home, "s1"))["came"] == []


def test_a_choice_holds_back_what_was_left_until_it_is_chosen_again():
    away = ReleaseEvent(CHOSEN, "r1", 1.0, "r2")
    assert held_back([away]) == {"r2": away}
    assert held_back([away, ReleaseEvent(RELEASED, "r3", 2.0, "r1")]) == {"r2": away}
    assert set(held_back([away, ReleaseEvent(CHOSEN, "r2", 2.0, "r1")])) == {"r1"}


def test_a_damaged_log_is_one_sentence(home):
    log_file(home).write_text("[{")
    with pytest.raises(UserError, match="damaged"):
        history(home)


def test_a_later_versions_log_can_be_read(home):
    log_file(home).write_text(json.dumps([{"kind": "released", "version": "r2", "at": 1.0, "new": 3}]))
    assert [event.version for event in read_log(home)] == ["r2"]
