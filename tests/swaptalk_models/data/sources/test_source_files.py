import time
from pathlib import Path

import pytest

from swaptalk_models.data.sources import download
from swaptalk_models.data.sources.download import DownloadStatus
from swaptalk_models.data.sources.source_files import fetch_missing, local_file
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.download import DownloadConfig

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
