import hashlib
import shutil
import time
from pathlib import Path

import pytest

from swaptalk_models.data.sources import download
from swaptalk_models.data.sources.download import DownloadStatus
from swaptalk_models.data.sources.source_videos import catalog_rows, fetch_missing, local_file, write_catalog
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.download import DownloadConfig
from swaptalk_models.settings.preset import Preset

CONFIG = DownloadConfig(parallel=2, pause_s=0.0, dead_days=30)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Addresses that were asked for; what an address says is how it answers."""
    addresses = []

    def answer(wanted, config):
        for address, stem in wanted:
            addresses.append(address)
            status = address.split("//")[1]
            if status == "ok":
                stem.parent.mkdir(exist_ok=True)
                stem.with_name(stem.name + ".mp4").write_bytes(b"video")
            yield DownloadStatus(address, status, status, None, time.time())

    monkeypatch.setattr(download, "download_videos", answer)
    return addresses


def test_dead_is_not_asked_again_and_failed_is(home: Home, asked: list[str]):
    sources = {"a": "x//ok", "b": "x//dead", "c": "x//failed", "d": "/own/file.mp4"}
    sources = {video: source.replace("x//", "x://") for video, source in sources.items()}
    missing = fetch_missing(home, sources, CONFIG)
    assert {video: status for video, (status, _, _) in missing.items()} == {"b": "dead", "c": "failed"}
    assert local_file(home, "a", sources["a"]) == home.videos / "a.mp4" and local_file(home, "d", sources["d"]) == Path(
        "/own/file.mp4"
    )
    asked.clear()
    assert fetch_missing(home, sources, CONFIG)["b"] == missing["b"], "same entry, so nothing downstream of it changes"
    assert asked == ["x://failed"]


def test_file_put_by_hand_is_used(home: Home, asked: list[str]):
    fetch_missing(home, {"b": "x://dead"}, CONFIG)
    (home.videos).mkdir(exist_ok=True)
    (home.videos / "b.mkv").write_bytes(b"video")
    assert fetch_missing(home, {"b": "x://dead"}, CONFIG) == {}


def test_offline_machine_does_not_ask_hundreds_of_times(home: Home, asked: list[str], monkeypatch):
    def offline(wanted, config):
        for address, _ in wanted:
            asked.append(address)
            yield DownloadStatus(address, "failed", "cannot be reached; is this machine online?", None, time.time())

    monkeypatch.setattr(download, "download_videos", offline)
    missing = fetch_missing(home, {f"v{i}": f"x://{i}" for i in range(50)}, CONFIG)
    assert len(asked) == CONFIG.parallel and len(missing) == 50
    assert {reason for _, reason, _ in missing.values()} == {
        "cannot be reached; is this machine online?",
        "not asked for yet: the download of others had to be stopped",
    }


def test_site_that_asks_for_fewer_requests_gets_fewer(home: Home, asked: list[str], monkeypatch):
    def busy(wanted, config):
        for address, _ in wanted:
            asked.append(address)
            yield DownloadStatus(address, "failed", f"{address}: {download.BUSY}", None, time.time())

    monkeypatch.setattr(download, "download_videos", busy)
    missing = fetch_missing(home, {f"v{i}": f"x://{i}" for i in range(50)}, CONFIG)
    assert len(asked) == 1 and len(missing) == 50


def test_full_disk_is_said_once(home: Home, asked: list[str], monkeypatch):
    def full(wanted, config):
        for address, _ in wanted:
            yield DownloadStatus(address, "failed", f"{address}: No space left on device", None, time.time())

    monkeypatch.setattr(download, "download_videos", full)
    with pytest.raises(UserError, match="the disk is full"):
        fetch_missing(home, {"a": "x://a", "b": "x://b"}, CONFIG)


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
    for name in download.HDTF_CHECKSUMS:
        (folder / name).write_text(SMALL.get(name, ""))
    checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setattr(download, "HDTF_CHECKSUMS", checksums)
    monkeypatch.setattr(download, "HDTF_ADDRESS", folder.as_uri())
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
    monkeypatch.setattr(download, "HDTF_ADDRESS", "http://127.0.0.1:9")
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
