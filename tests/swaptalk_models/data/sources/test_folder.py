"""The catalog of any folder of videos."""

import os

import pytest

from swaptalk_models.data.sources.catalog_table import CATALOG_SCHEMA
from swaptalk_models.data.sources.folder import folder_catalog
from swaptalk_models.errors import UserError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def column(table, name):
    return table[name].to_pylist()


def test_one_row_a_video_with_safe_names(tmp_path):
    touch(tmp_path, "b, ü.mp4", "a.MOV", "sub/deep/c.mkv", "notes.txt", ".hidden.mp4", ".cache/d.mp4", "truth/x.npz")
    table = folder_catalog(tmp_path)
    assert table.schema == CATALOG_SCHEMA
    assert column(table, "video") == ["a", "b_u", "sub_deep_c"]
    assert column(table, "clip") == ["a_000", "b_u_000", "sub_deep_c_000"]
    assert column(table, "person") == ["a", "b_u", "sub"]
    assert column(table, "source") == [str(tmp_path / name) for name in ("a.MOV", "b, ü.mp4", "sub/deep/c.mkv")]
    assert column(table, "start_s") == [None] * 3 and column(table, "note") == [""] * 3


def test_equal_names_are_told_apart_and_stay_what_they_are(tmp_path):
    touch(tmp_path, "a b.mp4", "a,b.mp4")
    before = dict(
        zip(column(folder_catalog(tmp_path), "source"), column(folder_catalog(tmp_path), "video"), strict=True)
    )
    assert len(set(before.values())) == 2
    touch(tmp_path, "A_B.mov", "a_b.mkv", "a_b.mp4", "c.mp4")
    after = folder_catalog(tmp_path)
    keys = column(after, "video")
    assert len({key.casefold() for key in keys}) == 6
    assert dict(zip(column(after, "source"), keys, strict=True))[str(tmp_path / "a_b.mp4")] == "a_b"


def test_links_are_followed_once(tmp_path):
    touch(tmp_path, "videos/a.mp4", "elsewhere/b.mp4")
    os.symlink(tmp_path / "elsewhere", tmp_path / "videos" / "more")
    os.symlink(tmp_path / "videos", tmp_path / "videos" / "loop")
    os.symlink(tmp_path / "videos" / "a.mp4", tmp_path / "videos" / "again.mp4")
    os.symlink(tmp_path / "gone.mp4", tmp_path / "videos" / "dangling.mp4")
    assert sorted(column(folder_catalog(tmp_path / "videos"), "video")) == ["a", "more_b"]


def test_no_video_and_no_folder(tmp_path):
    touch(tmp_path, "a.txt")
    with pytest.raises(UserError, match=r"no video in .*looked for \.mp4 \.mov"):
        folder_catalog(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        folder_catalog(tmp_path / "missing")
    with pytest.raises(UserError, match="is a file"):
        folder_catalog(tmp_path / "a.txt")


def test_a_name_that_is_no_text_is_that_videos_reason_and_ends_no_catalog(tmp_path):
    touch(tmp_path, "ann.mp4", "b\udcffad.mp4", "12:30.mp4", "n" * 246 + ".mp4", "camera.MTS", "studio.mxf")
    table = folder_catalog(tmp_path)
    usable = {row["video"] for row in table.to_pylist() if row["clip"]}
    (bad,) = [row for row in table.to_pylist() if row["clip"] is None]
    assert len(usable) == 5 and {"ann", "12_30", "camera", "studio"} < usable
    assert bad["video"] == "b_ad" and "b\\xffad.mp4" in bad["note"] and "rename it" in bad["note"]


def test_hdtf_names_tell_person_and_group(tmp_path):
    touch(tmp_path, "WDA_KatieHill0_000.mp4", "WDA_KatieHill1_003_30_40.mp4")
    table = folder_catalog(tmp_path)
    assert set(column(table, "person")) == {"WDA_KatieHill"} and set(column(table, "group")) == {"WDA"}


@pytest.mark.real
def test_real_folder(real_clips):
    table = folder_catalog(real_clips / "clips")
    assert table.num_rows == 7 and "WDA_DebbieStabenow" in column(table, "person")
