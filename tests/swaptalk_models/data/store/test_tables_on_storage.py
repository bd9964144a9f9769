"""Tables do the same in a home's folder and on its storage; there, a driver that was cut off changes none."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.postgres_home import postgres_home
from swaptalk_models.data.store.storage_address import VARIABLE
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.data.store.table_files import file_sizes
from swaptalk_models.errors import UserError


@pytest.fixture(params=["folder", "storage"])
def home(request, tmp_path: Path, monkeypatch) -> Home:
    if request.param == "storage":
        monkeypatch.setenv(VARIABLE, request.getfixturevalue("s3"))
    return open_home(tmp_path / "home", begin=True).create()


def rows(clip: str, count: int, value: int = 0) -> pa.Table:
    frames = pa.array(range(count), pa.int32())
    return pa.table({"clip": [clip] * count, "video": [clip] * count, "frame": frames, "value": [value] * count})


def held(home: Home) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in tables.open_table(home, "t").to_table().to_pylist():
        found.setdefault(row["clip"], []).append(row["value"])
    return found


def test_a_clip_is_replaced_in_one_version(home):
    assert not tables.has_table(home, "t") and tables.names(home) == []
    with pytest.raises(UserError, match="no table t in .*: run `swaptalk run --until t` first"):
        tables.open_table(home, "t")
    tables.append_rows(home, "t", rows("a", 2), rows("b", 3))
    tables.append_rows(home, "t", rows("c", 1))
    before = tables.open_table(home, "t").version
    tables.replace_clips(home, "t", ["a", "c"], rows("a", 3, 1), rows("c", 1, 1))
    assert tables.open_table(home, "t").version == before + 1
    assert held(home) == {"a": [1, 1, 1], "b": [0, 0, 0], "c": [1]}
    tables.delete_clips(home, "t", ["b", "nobody"])
    assert held(home) == {"a": [1, 1, 1], "c": [1]} and tables.names(home) == ["t"]
    tables.drop(home, "t")
    assert tables.names(home) == [] and not tables.has_table(home, "t")


def test_a_storage_that_goes_away_is_one_line(home, monkeypatch):
    tables.append_rows(home, "t", rows("a", 2))
    monkeypatch.setattr(tables, "_commit", lambda *_: (_ for _ in ()).throw(OSError("Generic S3 error\nand its story")))
    on_storage = (home.root / "storage.json").is_file()
    said = "tables/t.lance: cannot be written .Generic S3 error.: what is finished is kept" if on_storage else "story"
    with pytest.raises(UserError if on_storage else OSError, match=said):
        tables.append_rows(home, "t", rows("b", 2))
    assert held(home) == {"a": [0, 0]}


def test_many_small_writes_are_joined_and_still_found(home, monkeypatch):
    monkeypatch.setattr(tables, "_MANY_FRAGMENTS", 4)
    monkeypatch.setattr(tables, "_MANY_VERSIONS", 4)
    monkeypatch.setattr(tables, "_KEEP_OLD", timedelta(0))
    for number in range(5):
        tables.append_rows(home, "t", rows(str(number), 2, number))
    tables.compact(home, "t")
    table = tables.open_table(home, "t")
    assert len(table.get_fragments()) == 1 and len(table.versions()) == 1 and table.list_indices()
    tables.replace_clips(home, "t", ["1", "3"], rows("1", 1, 9))
    assert held(home) == {"0": [0, 0], "1": [9], "2": [2, 2], "4": [4, 4]}


def test_orphans_are_reclaimed_although_snapshots_are_tagged(home, monkeypatch):
    """A tag on an old version once kept all that was written later: lance-format/lance#8705."""
    tables.append_rows(home, "t", rows("a", 2))
    tables.tag_version(home, "t", f"{tables.SNAPSHOT_TAG}one")
    tables.replace_clips(home, "t", ["a"], rows("a", 2, 1))
    tables.replace_clips(home, "t", ["a"], rows("a", 2, 2))
    with monkeypatch.context() as killed:
        killed.setattr(tables, "_commit", lambda *_: None)  # rows are written, and no version comes to be
        tables.append_rows(home, "t", rows("b", 2))
    files = file_sizes(home, "t")
    assert sum(name.startswith("data/") for name in files) == 4
    tables.sweep(home, "t")
    assert sum(name.startswith("data/") for name in file_sizes(home, "t")) == 3
    tables.clean_versions(home, "t", timedelta(0))
    assert sum(name.startswith("data/") for name in file_sizes(home, "t")) == 2
    assert tables.open_table(home, "t", f"{tables.SNAPSHOT_TAG}one").to_table()["value"].to_pylist() == [0, 0]
    assert held(home) == {"a": [2, 2]}


@pytest.mark.parametrize("where", ["folder", "storage"])
def test_one_that_was_cut_off_appends_nothing(where, tmp_path, postgres, s3, monkeypatch):
    if where == "storage":
        monkeypatch.setenv(VARIABLE, s3)
    home = open_home(tmp_path / "home", begin=True).create()
    tables.append_rows(home, "t", rows("a", 1))
    version = tables.open_table(home, "t").version
    with pytest.raises(UserError, match="another one .* has been at work on t since"), home.writing("t"):
        place = postgres_home(home.root)
        with contextlib.closing(place.connect()) as other:  # as its own next run, on another host, would take it
            other.cursor().execute("UPDATE locks SET token = token + 1, holder = '7 on another' WHERE stage = 't'")
        for change in (
            lambda: tables.append_rows(home, "t", rows("b", 1)),
            lambda: tables.delete_clips(home, "t", ["a"]),
        ):
            with pytest.raises(UserError, match="this run was cut off"):
                change()
        assert tables.open_table(home, "t").version == version and held(home) == {"a": [0]}
        tables.append_rows(home, "t", rows("c", 1))
