from datetime import timedelta
from pathlib import Path

import lance
import lancedb
import numpy as np
import pyarrow as pa
import pytest

from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def rows(clip: str, count: int = 2) -> pa.Table:
    return pa.table({"clip": [clip] * count, "video": ["v"] * count, "frame": pa.array(range(count), pa.int32())})


def test_clip_is_read_back_and_deleted(home: Home):
    for clip in ("a", "it's", "b"):
        tables.append_rows(home, "face_tracks", rows(clip))
    assert tables.read_clip(home, "face_tracks", "it's").num_rows == 2
    tables.delete_clips(home, "face_tracks", ["it's", "never there"])
    assert tables.read_clip(home, "face_tracks", "it's").num_rows == 0
    assert tables.open_table(home, "face_tracks").count_rows() == 4


@pytest.fixture
def compacted(home: Home, monkeypatch) -> Home:
    """Several versions, joined files, an index, deleted rows."""
    monkeypatch.setattr(tables, "_MANY_FRAGMENTS", 3)
    for clip in "abcd":
        tables.append_rows(home, "mels", rows(clip))
        tables.compact(home, "mels")
    tables.delete_clips(home, "mels", ["b"])
    tables.append_rows(home, "mels", rows("e"))
    return home


def test_lancedb_alone_reads_it(compacted: Home):
    table = lancedb.connect(compacted.tables).open_table("mels")
    assert table.count_rows() == 8 and [index.name for index in table.list_indices()] == [tables.CLIP_INDEX]
    assert [row["frame"] for row in table.search().where("clip = 'd'").to_list()] == [0, 1]
    assert table.search().where("clip = 'b'").to_list() == []


def test_lance_alone_reads_it(compacted: Home):
    dataset = lance.dataset(str(compacted.table("mels")))
    assert sorted(dataset.to_table()["clip"].to_pylist()) == sorted("aaccddee")
    assert dataset.to_table(filter="clip IN ('c', 'e') AND frame = 1")["clip"].to_pylist() == ["c", "e"]
    assert len(dataset.versions()) > 3


def test_first_write_that_was_killed_is_no_table(home: Home):
    (home.table("mels") / "data").mkdir(parents=True)
    (home.table("mels") / "_versions").mkdir()
    (home.table("mels") / "data" / "half.lance").write_bytes(b"half")
    assert not tables.has_table(home, "mels")
    tables.sweep(home, "mels")
    assert not home.table("mels").exists()
    tables.append_rows(home, "mels", rows("a"))
    assert tables.read_clip(home, "mels", "a").num_rows == 2


def test_sweep_removes_what_no_version_names_and_nothing_else(home: Home):
    tables.append_rows(home, "mels", rows("a"))
    (home.table("mels") / "data" / "left.lance").write_bytes(b"left by a kill")
    before = tables.open_table(home, "mels").version
    tables.append_rows(home, "mels", rows("b"))
    tables.sweep(home, "mels")
    assert "left.lance" not in {path.name for path in (home.table("mels") / "data").iterdir()}
    assert tables.open_table(home, "mels").count_rows() == 4
    assert tables.open_table(home, "mels", before).count_rows() == 2, "a reader may still hold it"


def test_missing_table_says_what_to_do(home: Home):
    with pytest.raises(UserError, match="run `swaptalk run --until mels`"):
        tables.open_table(home, "mels")
    tables.delete_clips(home, "mels", ["a"])  # nothing there, nothing to do


def test_tagged_version_outlives_everything(home: Home):
    tables.append_rows(home, "mels", rows("a"))
    version = tables.tag_version(home, "mels", "snapshot-x")
    tables.delete_clips(home, "mels", ["a"])
    tables.append_rows(home, "mels", rows("b"))
    untagged = tables.open_table(home, "mels").version - 1
    tables.clean_versions(home, "mels", timedelta(0))
    assert tables.read_clip(home, "mels", "a", version=version).num_rows == 2
    assert tables.tag_version(home, "mels", "snapshot-x") == version and tables.has_tag(home, "mels", "snapshot-x")
    with pytest.raises(UserError, match=f"version {untagged}"):
        tables.open_table(home, "mels", untagged)


def test_many_small_files_are_joined(home: Home, monkeypatch):
    monkeypatch.setattr(tables, "_MANY_FRAGMENTS", 4)
    for index in range(4):
        tables.append_rows(home, "mels", rows(f"c{index}"))
    before = tables.open_table(home, "mels").to_table().sort_by("clip")
    tables.compact(home, "mels")
    assert len(tables.open_table(home, "mels").get_fragments()) == 1
    assert tables.open_table(home, "mels").to_table().sort_by("clip").equals(before)


def test_old_versions_go_but_those_of_snapshots(home: Home, monkeypatch):
    monkeypatch.setattr(tables, "_MANY_VERSIONS", 5)
    monkeypatch.setattr(tables, "_KEEP_OLD", timedelta(0))
    for index in range(8):
        tables.append_rows(home, "mels", rows(f"c{index}"))
        if index == 1:
            tagged = tables.tag_version(home, "mels", "snapshot-x")
        tables.compact(home, "mels")
    versions = [version["version"] for version in tables.open_table(home, "mels").versions()]
    assert tagged in versions and len(versions) < 6 and tables.open_table(home, "mels").count_rows() == 16


def test_arrays_go_in_and_come_out(home: Home):
    values = np.random.default_rng(0).normal(size=(5, 68, 2)).astype(np.float32)
    column = tables.float_list(values)
    assert column.type == pa.list_(pa.float32(), 136)
    table = pa.table({"x": pa.chunked_array([column[:2], column[2:]])})
    assert np.array_equal(tables.as_array(table["x"]).reshape(5, 68, 2), values)
