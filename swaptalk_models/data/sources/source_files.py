"""Where a source video lies on this machine, and fetching what is not here."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.stored_files import publish, stored_path
from swaptalk_models.errors import UserError
from swaptalk_models.settings.download import DownloadConfig


def is_address(source: str) -> bool:
    return "://" in source


def local_file(home: Home, video: str, source: str) -> Path | None:
    """Where a source video lies: the user's own file, or a download in HOME/videos, which may be on the home's storage alone; None when
    it is yet to be downloaded."""
    if source and not is_address(source):
        return home.root / source  # which is the source where that is absolute
    candidates = [home.videos / f"{video}{suffix}" for suffix in (".mkv", ".mov", ".mp4", ".webm")]
    return next((path for path in candidates if path.is_file()), None) or stored_path(home.root, candidates)


def fetch_missing(home: Home, sources: dict[str, str], config: DownloadConfig) -> dict[str, tuple[str, str, float]]:
    """Download those of {video: address} that are not here, if asking is worth it.

    Returns:
        {video: (status, reason, when)} of those that are still missing: `dead`, not asked again for
        ``config.dead_days``, or `failed`, asked again in the next run.
    """
    missing = {video: source for video, source in sources.items() if local_file(home, video, source) is None}
    if not missing:
        return {}
    from swaptalk_models.data.sources.download import BUSY, UNREACHABLE, DownloadStatus, download_videos, worth_asking

    with home.writing("downloads"), Ledger(home.ledger) as ledger:
        known = {
            address: DownloadStatus(address, status, reason, None, when)
            for address, (status, reason, when) in ledger.downloads().items()
        }
        wanted = {v: address for v, address in missing.items() if worth_asking(known.get(address), config)}
        pairs = [(address, home.videos / video) for video, address in wanted.items()]
        videos = {address: video for video, address in wanted.items()}
        unreachable = 0
        with (
            closing(download_videos(pairs, config)) as answers,
            tqdm(total=len(pairs), desc="download", unit="video", disable=None) as bar,
        ):
            for status in answers:
                if "No space left" in status.reason:
                    raise UserError(f"{home.videos}: the disk is full; make room and run again, what is there is kept")
                known[status.address] = status
                if path := local_file(home, videos[status.address], status.address):
                    publish(home.root, [path])
                ledger.remember_download(status.address, status.status, status.reason, status.when)
                bar.update()
                unreachable = unreachable + 1 if UNREACHABLE in status.reason else 0
                if unreachable >= config.parallel or BUSY in status.reason:
                    break  # what holds for these holds for hundreds more: asking them all would take hours, or anger
    missing = {video: address for video, address in missing.items() if local_file(home, video, address) is None}
    never = DownloadStatus("", "failed", "not asked for yet: the download of others had to be stopped", None, 0.0)
    left = {video: known.get(address, never) for video, address in missing.items()}
    return {video: (status.status, status.reason, status.when) for video, status in left.items()}
