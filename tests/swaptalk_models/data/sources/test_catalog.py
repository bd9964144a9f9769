"""The catalog of a run, whatever it is made from."""

import hashlib
import shutil
from pathlib import Path

import pytest

from swaptalk_models.data.sources import annotation_files
from swaptalk_models.data.sources.catalog import catalog_rows, write_catalog
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.download import DownloadConfig
from swaptalk_models.settings.preset import Preset


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


SMALL = {
    "RD_annotion_time.txt": "Radio1.mp4 00:20-01:35\n",
    "RD_resolution.txt": "Radio1.mp4 720\n",
    "RD_video_url.txt": "Radio1 https://example.org/x\n",
}


@pytest.fixture
def annotations(tmp_path: Path, monkeypatch) -> Path:
    """A published folder, small, on this machine."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name in annotation_files.HDTF_CHECKSUMS:
        (folder / name).write_text(SMALL.get(name, ""))
    checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setattr(annotation_files, "HDTF_CHECKSUMS", checksums)
    monkeypatch.setattr(annotation_files, "HDTF_ADDRESS", folder.as_uri())
    return folder


@pytest.mark.parametrize("there", [None, [], ["RD_video_url.txt", "RD_resolution.txt"]])
def test_annotations_are_fetched_into_a_new_folder_and_completed(home, annotations, tmp_path, there):
    folder = tmp_path / "wanted"
    if there is not None:
        folder.mkdir()
        for name in there:
            shutil.copy(annotations / name, folder)
    catalog = write_catalog(home, Preset("test"), hdtf=str(folder))
    assert catalog.videos == ["RD_Radio1"] and len(list(folder.iterdir())) == 15
    shutil.rmtree(annotations)
    assert write_catalog(home, Preset("test"), hdtf=str(folder)).version == catalog.version, "not asked for again"


def test_a_folder_of_something_else_is_left_as_it_is(home, annotations, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear ...")
    with pytest.raises(UserError, match="15 of HDTF's 15 annotation files are missing"):
        write_catalog(home, Preset("test"), hdtf=str(tmp_path / "mine"))
    assert len(list((tmp_path / "mine").iterdir())) == 1
    with pytest.raises(UserError, match="is a file"):
        write_catalog(home, Preset("test"), hdtf=str(tmp_path / "mine" / "letter.txt"))


def test_a_mirror_of_the_annotations(home, annotations, tmp_path, monkeypatch):
    monkeypatch.setattr(annotation_files, "HDTF_ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="offline"):
        write_catalog(home, Preset("test"), hdtf=str(tmp_path / "new"))
    preset = Preset("test", download=DownloadConfig(annotations=annotations.as_uri() + "/"))
    assert write_catalog(home, preset, hdtf=str(tmp_path / "new")).videos == ["RD_Radio1"]


def test_both_sources_or_none_usable_is_the_users_fault(home: Home, tmp_path: Path):
    with pytest.raises(UserError, match="not both"):
        write_catalog(home, Preset("test"), videos="a", hdtf="b")
    with pytest.raises(UserError, match="no such folder"):
        write_catalog(home, Preset("test"), videos=str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="no catalog"):
        catalog_rows(home)


@pytest.mark.real
def test_hdtf_as_published(home: Home, real_clips: Path):
    catalog = write_catalog(home, Preset("test"), hdtf=str(real_clips / "annotations"))
    assert len(catalog.videos) == 370 and sum(row["clip"] is not None for row in catalog_rows(home)) == 436
    assert [row["video"] for row in catalog_rows(home, [catalog.videos[7]])] == [catalog.videos[7]]
