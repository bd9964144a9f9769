"""Fetching videos with yt-dlp. No ffmpeg program is needed: picture and sound are joined by PyAV."""

from __future__ import annotations

import io
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av

from swaptalk_models.data.media.container import open_media, video_stream
from swaptalk_models.data.media.probing import probe
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.settings.download import DownloadConfig

# What the sites' own messages mean. Dead: the owner or the site took it away, asking again is of no use for a long
# time.
_DEAD = re.compile(
    r"(video|it|this) (is|has been|was) (private|removed|deleted|terminated)|private video|no longer available|"
    r"account .*(terminated|closed)|video unavailable|not available in your country|"
    r"HTTP Error (404|410)|Unsupported URL",
    re.IGNORECASE,
)
_OFFLINE = re.compile(
    r"name resolution|name or service|getaddrinfo|network is unreachable|connection refused|failed to resolve",
    re.IGNORECASE,
)
_BUSY = re.compile(r"HTTP Error 429|too many requests|rate.?limit", re.IGNORECASE)
_LOGIN = re.compile(r"sign in|log ?in|cookies|confirm your age|not a bot", re.IGNORECASE)


UNREACHABLE, BUSY = "cannot be reached", "its site asks for fewer requests"
"""Reasons that concern every other video of a site as well."""


class DeadVideo(BadClip):
    """The video was removed, is private, or never was at this address: not to be asked for again soon."""


@dataclass(frozen=True)
class DownloadStatus:
    """How one download went; kept by the caller, so that dead videos are not asked for every day."""

    address: str
    status: str
    """`ok`, `dead` (removed, private, no video) or `failed` (offline, broken connection, login wanted: worth another
    try).
    """
    reason: str
    path: Path | None
    when: float
    """Seconds since 1970."""


def worth_asking(status: DownloadStatus | None, config: DownloadConfig, now: float | None = None) -> bool:
    """Whether a video should be asked for, given how it went the last time (None: never asked)."""
    if status is None or status.status == "failed":
        return True
    if status.status == "ok":
        return status.path is None or not status.path.is_file()
    return (time.time() if now is None else now) - status.when >= 86400.0 * config.dead_days


def download_videos(
    wanted: Iterable[tuple[str, str | os.PathLike[str]]], config: DownloadConfig
) -> Generator[DownloadStatus, None, None]:
    """Fetches (address, output_stem) pairs, ``config.parallel`` at once, and yields one status each, as they end. A
    failure stops nothing.

    Ctrl-C, or closing this generator, stops what is under way: no later pair is asked for, and the next call goes on
    where the stopped ones were.
    """
    waiting, running = iter(wanted), set[Future[DownloadStatus]]()
    stop, pool = threading.Event(), ThreadPoolExecutor(config.parallel)
    try:
        while True:
            while len(running) < config.parallel and (pair := next(waiting, None)) is not None:
                running.add(pool.submit(_status, *pair, config, stop))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _status(
    address: str, output_stem: str | os.PathLike[str], config: DownloadConfig, stop: threading.Event
) -> DownloadStatus:
    try:
        path = download_video(address, output_stem, config, stop)
    except BadClip as error:
        status = "dead" if isinstance(error, DeadVideo) else "failed"
        return DownloadStatus(address, status, str(error), None, time.time())
    return DownloadStatus(address, "ok", "", path, time.time())


def download_video(
    address: str, output_stem: str | os.PathLike[str], config: DownloadConfig, stop: threading.Event | None = None
) -> Path:
    """Fetches one video with its sound as ``output_stem`` + `.mp4` (or `.mkv` where mp4 cannot hold its codecs).

    What was loaded before a break stays beside it in a hidden folder, and the next call goes on from there. The file
    appears whole.

    Args:
        stop: when somebody sets it, the download ends at once.

    Raises:
        DeadVideo: removed, private, or no video at this address.
        BadClip: offline, connection broken, too slow, login wanted, disk full; another try may help.
    """
    stem = Path(output_stem)
    if not re.match(r"https?://", address):
        raise DeadVideo(f"{address or stem.name}: no address to download from")
    if config.cookies and not Path(config.cookies).expanduser().is_file():
        raise UserError(f"download.cookies: no such file: {config.cookies}")
    for extension in (".mp4", ".mkv"):
        if (done := stem.with_name(stem.name + extension)).is_file():
            return done
    work = stem.with_name(f".{stem.name}.download")
    work.mkdir(parents=True, exist_ok=True)
    patience = _Patience(config, stop or threading.Event())
    try:
        patience.wait(config.pause_s)
        parts = _fetch_streams(address, work, config, patience)
        joined = _joined(address, parts, stem)
    except OSError as error:
        raise BadClip(f"{address}: {error.strerror or error}") from error
    shutil.rmtree(work)
    return joined


class _Patience:
    """How long one video may take: ends it when its time is over, or when somebody wants to stop."""

    def __init__(self, config: DownloadConfig, stop: threading.Event):
        self.stop, self.longest, self.minutes = stop, config.back_off_s, config.limit_minutes
        self.until = time.monotonic() + 60 * config.limit_minutes

    def check(self, _: dict[str, Any] | None = None) -> None:
        """yt-dlp calls it several times a second while data come in."""
        if self.stop.is_set():
            raise BadClip("stopped; the next run goes on from there")
        if time.monotonic() > self.until:
            raise BadClip(
                f"not done after {self.minutes:g} minutes (download.limit_minutes); the next run goes on from there"
            )

    def wait(self, seconds: float) -> None:
        self.stop.wait(seconds)
        self.check()

    def back_off(self, n: int) -> float:
        """The pause after attempt n: done here, where it can be stopped; yt-dlp has nothing left to wait for."""
        self.wait(min(self.longest, 2.0**n))
        return 0.0


def _fetch_streams(address: str, work: Path, config: DownloadConfig, patience: _Patience) -> list[Path]:
    """The picture's file and, where it comes apart from it, the sound's."""
    # `bv+ba` would call the ffmpeg program to join them; fetched one by one, they need none.
    chosen = f"bv[height<={config.max_height}]+ba/b[height<=?{config.max_height}]/b"
    extract: Callable[..., dict[str, Any]] = partial(_extract, address, work, config, patience)
    info = extract(chosen, download=False)
    formats = info.get("requested_formats") or [info]
    for each in formats:
        extract(each["format_id"], download=True)
    parts = [
        path
        for each in formats
        for path in work.glob(f"{each['format_id']}.*")
        if path.suffix not in (".part", ".ytdl")
    ]
    if len(parts) != len(formats):
        raise BadClip(f"{address}: {len(parts)} of {len(formats)} streams arrived")
    return parts


def _extract(
    address: str, work: Path, config: DownloadConfig, patience: _Patience, formats: str, download: bool
) -> dict[str, Any]:
    import yt_dlp

    options = {
        "format": formats,
        # h264 and AAC first at equal height: they can be cut without a second compression
        "format_sort": [f"res:{config.max_height}", "vcodec:h264", "acodec:aac"],
        "outtmpl": {"default": str(work).replace("%", "%%") + "/%(format_id)s.%(ext)s"},
        "logger": _Silence(),
        "noprogress": True,
        "noplaylist": True,
        "continuedl": True,
        "fixup": "never",
        "cachedir": False,
        "socket_timeout": config.timeout_s,
        "retries": config.retries,
        "fragment_retries": config.retries,
        "extractor_retries": config.retries,
        "file_access_retries": 0,
        "retry_sleep_functions": {kind: patience.back_off for kind in ("http", "fragment", "extractor")},
        "ratelimit": config.rate_limit_kib * 1024 or None,
        # as a text: yt-dlp would write the file anew, and several of them at once
        "cookiefile": io.StringIO(Path(config.cookies).expanduser().read_text()) if config.cookies else None,
        "progress_hooks": [patience.check],
    }
    try:
        with yt_dlp.YoutubeDL(options) as loader:
            info = loader.extract_info(address, download=download)
    except BadClip as error:
        raise BadClip(f"{address}: {error}") from None
    except yt_dlp.utils.YoutubeDLError as error:
        raise _reason(address, str(error)) from error
    if not info or info.get("_type") == "playlist":
        raise DeadVideo(f"{address}: no single video at this address")
    return info


class _Silence:
    """yt-dlp's log goes nowhere: each failure reaches us as an exception."""

    def debug(self, message: str) -> None: ...

    warning = error = info = debug


def _reason(address: str, message: str) -> BadClip:
    """One clear line out of yt-dlp's message."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message).removeprefix("ERROR: ").strip().splitlines()[0]
    plain = re.sub(r"; please report this issue.*| \(caused by .*", "", plain)[:200]
    if "more expected" in plain:
        return BadClip(f"{address}: the connection broke; the next run goes on from there ({plain})")
    if _OFFLINE.search(message):
        return BadClip(f"{address}: {UNREACHABLE}; is this machine online? ({plain})")
    if _BUSY.search(plain):
        return BadClip(f"{address}: {BUSY}; raise download.pause_s, or give a cookies file ({plain})")
    if _LOGIN.search(plain):
        return BadClip(f"{address}: wants a login; give a cookies file with download.cookies ({plain})")
    if _DEAD.search(plain):
        return DeadVideo(f"{address}: not there any more, or no video ({plain})")
    return BadClip(f"{address}: {plain}")


def _joined(address: str, parts: list[Path], stem: Path) -> Path:
    """Puts picture and sound into one file, without touching their data, and makes sure that it is a video."""
    try:
        infos = [probe(parts[0])]
    except BadClip as error:
        for part in parts:
            part.unlink()  # the server has sent all that it has: the same would come again
        raise DeadVideo(f"{address}: what arrived is no video ({str(error).removeprefix(f'{parts[0]}: ')})") from error
    if len(parts) == 1:
        extension = ".mp4" if parts[0].suffix in (".mp4", ".m4v", ".mov") else ".mkv"
        if extension == parts[0].suffix:
            output = stem.with_name(stem.name + extension)
            os.replace(parts[0], output)
            return output
    else:
        extension = ".mp4" if infos[0].codec in ("h264", "hevc") and parts[1].suffix in (".m4a", ".mp4") else ".mkv"
    output = stem.with_name(stem.name + extension)
    with atomic_write(output) as aside:
        _remux(parts, aside, "mp4" if extension == ".mp4" else "matroska")
    return output


def _remux(parts: list[Path], aside: Path, container: str) -> None:
    """Copies the first part's picture and the last part's sound, in order of time."""
    with (
        open_media(parts[0]) as picture,
        open_media(parts[-1]) as sound,
        av.open(str(aside), "w", format=container) as target,
    ):
        sources = [(picture, video_stream(picture))] + [(sound, stream) for stream in sound.streams.audio[:1]]
        queues = []
        for source, stream in sources:
            queues.append((source.demux(stream), target.add_stream_from_template(stream)))
        ahead = [next(packets, None) for packets, _ in queues]
        while any(packet is not None and packet.dts is not None for packet in ahead):
            times = [float(p.dts * p.time_base) if p is not None and p.dts is not None else float("inf") for p in ahead]
            which = times.index(min(times))
            packet, (packets, out) = ahead[which], queues[which]
            ahead[which] = next(packets, None)
            assert packet is not None
            packet.stream = out
            target.mux(packet)
