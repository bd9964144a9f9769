"""HDTF's annotation files, joined."""

import re
import shutil

import pytest

from swaptalk_models.data.sources.annotations import FILES, GROUPS, hdtf_catalog
from swaptalk_models.errors import UserError

SMALL = {
    "RD_annotion_time.txt": "Radio1.mp4 00:20-01:35\nRadio11.mp4 00:30-01:00 01:30-02:30 \n",
    "RD_crop_ratio.txt": "Radio1_0.mp4 1.0\nRadio11_0.mp4 1.2\n",
    "RD_crop_wh.txt": "Radio1_0.mp4 483 390 7 391\nRadio11_0.mp4 412 599 200 599\nRadio9_0.mp4 1 2 3 4\n",
    "RD_resolution.txt": "Radio1.mp4 720\nRadio11.mp4 720\nRadio24.mp4 0\n",
    "RD_video_url.txt": "\ufeffRadio1 https://www.youtube.com/watch?v=CPCoMyuBRM0&t=6s\n"
    "Radio11  https://example.org/x \n\nRadio24 https://www.youtube.com/watch?v=yzJQqnqmEgg\n",
}


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text(SMALL.get(name, ""), encoding="utf-8")
    return tmp_path


def test_rows(folder):
    table, _ = hdtf_catalog(folder)
    rows = table.to_pylist()
    assert [row["clip"] for row in rows] == ["RD_Radio1_000", "RD_Radio11_000", "RD_Radio11_001", None]
    first = rows[0]
    assert (first["crop_x"], first["crop_w"], first["crop_y"], first["crop_h"]) == (483, 390, 7, 391)
    assert (first["start_s"], first["end_s"], first["zoom"], first["resolution"]) == (20.0, 95.0, 1.0, 720)
    assert first["source"] == "https://www.youtube.com/watch?v=CPCoMyuBRM0" and first["person"] == "RD_Radio"
    assert rows[2]["crop_x"] is None and rows[2]["zoom"] == 1.2
    assert rows[3]["video"] == "RD_Radio24" and rows[3]["start_s"] is None and "no time span" in rows[3]["note"]


def test_every_disagreement_is_a_sentence(folder):
    _, sentences = hdtf_catalog(folder)
    assert sentences == [
        "RD_Radio11_000: its crop window ends at row 799, below the picture's 720 rows.",
        "RD_Radio11_001: no crop window; it is cut around its face boxes, at HDTF's usual zoom of 1.2.",
        "RD_Radio24: no resolution in RD_resolution.txt; no time span in RD_annotion_time.txt: not used.",
        "RD_Radio9_0: in RD_crop_wh.txt, but it is no clip of RD_annotion_time.txt.",
    ]


def test_people_who_share_an_address_are_one(folder):
    (folder / "WDA_video_url.txt").write_text(
        "JamesClyburn1 https://www.youtube.com/watch?v=gh3YqnvNdio&t=5s\n"
        "WhipJimClyburn https://www.youtube.com/watch?v=gh3YqnvNdio\n"
    )
    table, sentences = hdtf_catalog(folder)
    assert set(table["person"].to_pylist()) == {"RD_Radio", "WDA_JamesClyburn"}
    assert any("taken as one person, WDA_JamesClyburn" in sentence for sentence in sentences)


def test_a_span_without_an_address_is_kept(folder):
    (folder / "RD_video_url.txt").write_text("Radio1 https://example.org/1\nRadio24 https://example.org/24\n")
    table, sentences = hdtf_catalog(folder)
    assert table.num_rows == 4 and any("RD_Radio11: no address" in sentence for sentence in sentences)


def test_missing_and_malformed_files(folder):
    (folder / "WRA_crop_wh.txt").unlink()
    with pytest.raises(UserError, match="1 of HDTF's 15 annotation files are missing: WRA_crop_wh.txt"):
        hdtf_catalog(folder)
    (folder / "WRA_crop_wh.txt").write_text("A_0.mp4 1 2 3 4\nB_0.mp4 1 2 three 4\n")
    with pytest.raises(UserError, match="WRA_crop_wh.txt, line 2"):
        hdtf_catalog(folder)
    (folder / "WRA_crop_wh.txt").write_text("A_0.mp4 1 2 3 4\nA_0.mp4 1 2 3 4\n")
    with pytest.raises(UserError, match="twice"):
        hdtf_catalog(folder)


@pytest.mark.real
def test_hdtf_as_published(real_clips):
    table, sentences = hdtf_catalog(real_clips / "annotations")
    rows = table.to_pylist()
    clips = [row for row in rows if row["clip"]]
    assert len({row["video"] for row in rows}) == 370 and len(clips) == 436 == len({row["clip"] for row in clips})
    assert sum(row["crop_x"] is None for row in clips) == 15 == sum("no crop window" in text for text in sentences)
    assert [row["video"] for row in rows if not row["clip"]] == ["RD_Radio24"]
    assert all(row["zoom"] for row in clips)
    assert all(re.fullmatch(r"https://www\.youtube\.com/watch\?v=[\w-]{11}", row["source"]) for row in rows)
    assert all(row["group"] in GROUPS and 0 <= row["start_s"] < row["end_s"] for row in clips)
    assert not any(row["person"][-1].isdigit() for row in rows)


@pytest.mark.real
def test_originals_are_only_read(real_clips, tmp_path):
    copy = shutil.copytree(real_clips / "annotations", tmp_path / "copy")
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir()}
    hdtf_catalog(copy)
    assert {path.name: path.stat().st_mtime_ns for path in copy.iterdir()} == before
