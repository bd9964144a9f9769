from datetime import timedelta
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from swaptalk_models.data import tables
from swaptalk_models.data.home import Home
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


def test_lancedb_opens_it(home: Home):
    tables.append_rows(home, "mels", rows("a"))
    assert lancedb.connect(home.tables).open_table("mels").count_rows() == 2


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


def test_arrays_go_in_and_come_out(home: Home):
    values = np.random.default_rng(0).normal(size=(5, 68, 2)).astype(np.float32)
    column = tables.float_list(values)
    assert column.type == pa.list_(pa.float32(), 136)
    table = pa.table({"x": pa.chunked_array([column[:2], column[2:]])})
    assert np.array_equal(tables.as_array(table["x"]).reshape(5, 68, 2), values)
