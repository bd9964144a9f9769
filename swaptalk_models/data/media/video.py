"""Opening, describing and reading videos, with the reasons why one cannot be used.

Every file goes through PyAV first, with a whitelist of containers: FFmpeg would otherwise follow a play list that
somebody renamed to `.mp4` to other files and addresses.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.errors import BadClip, UserError

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,h264,hevc"  # pictures
    ",wav,mp3,aac,flac,aiff,caf,w64"  # sound alone
)
MAX_PIXELS = 8192 * 4352
DECORD_FRAMES = 500  # a clip of the usual 10 s and some more
MIN_SIDE = 32  # px; no face of use fits into less, and decoders do odd things
MAX_ASPECT = 4  # of one pixel's sides; twice what any format in use has
MIN_RATE = 5.0  # frames/s; below this nobody can see a mouth move
_THE_MACHINES = (errno.ENOSPC, errno.EIO, errno.ENOMEM)
ATTACHED_PICTURE = 0x0400  # AV_DISPOSITION_ATTACHED_PIC: the cover of a song is no video
_TEN_BIT_CURVES = (16, 18)  # AVCOL_TRC_SMPTE2084 (PQ) and AVCOL_TRC_ARIB_STD_B67 (HLG)


@contextmanager
def open_media(path: str | os.PathLike[str]) -> Iterator[av.container.InputContainer]:
    """Opens a media file for reading. Raises BadClip with a reason that a person understands; so do decoding errors
    inside the block.
    """
    path = Path(path)
    if not path.is_file():
        raise BadClip(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    if path.stat().st_size == 0:
        raise BadClip(f"{path}: empty file (0 bytes)")
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadClip(f"{path}: {_why_unreadable(path)}") from error
    try:
        yield container
    except av.FFmpegError as error:
        # Most of FFmpeg's own words would mislead: "operation not permitted" is a decoder's for a slice it cannot read.
        machine = f" ({error.strerror})" if error.errno in _THE_MACHINES else ""
        raise BadClip(f"{path}: damaged data{machine}") from error
    finally:
        container.close()


def _why_unreadable(path: Path) -> str:
    """Tells a cut-off mp4 from a file that never was a video."""
    boxes: set[bytes] = set()
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        position = 0
        while position + 8 <= size and len(boxes) < 64:
            file.seek(position)
            header = file.read(16)
            length, name = int.from_bytes(header[:4], "big"), header[4:8]
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            boxes.add(name)
            if length < 8:
                break
            position += length
    if b"ftyp" not in boxes:
        return "not a video file (no known container)"
    return (
        "cut off: its index (moov) is missing" if b"moov" not in boxes else "damaged: its index (moov) cannot be read"
    )


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The first real video stream. Raises BadClip when there is none."""
    for stream in container.streams.video:
        if not int(stream.disposition) & ATTACHED_PICTURE:
            return stream
    raise BadClip(f"{_name(container)}: no video stream")


def tick_length(stream: av.VideoStream | av.AudioStream) -> Fraction:
    """What the stream's time stamps count in (s)."""
    assert stream.time_base is not None  # only what is not part of a file yet has none
    return stream.time_base


def _name(container: av.container.InputContainer) -> str:
    return container.name.removeprefix("file:")


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Describes a video, from its index and its first frame.

    Raises:
        BadClip: no video, cut off, no frames, absurd size or rate; the message names the file and the cause.
    """
    path = Path(path)
    with open_media(path) as container:
        stream = video_stream(container)
        ticks = _frame_ticks(container, stream)
        if not ticks:
            raise BadClip(f"{path}: no frames")
        first = _first_frame(container, stream)
        has_audio, codec = bool(container.streams.audio), stream.codec_context.name
        tick, nominal_rate = tick_length(stream), stream.average_rate or Fraction(25)
        aspect = float(stream.sample_aspect_ratio or 1)
    rotation = first.rotation % 360
    if rotation % 90:
        raise BadClip(f"{path}: rotated by {rotation} degrees; only quarter turns are understood")
    if not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
        raise BadClip(f"{path}: claims pixels {aspect:.3g} times as wide as high")
    frames, span = len(ticks), (ticks[-1] - ticks[0]) * tick
    duration = span * frames / (frames - 1) if span > 0 else frames / nominal_rate
    if frames / duration < MIN_RATE:
        raise BadClip(f"{path}: {frames} frames in {float(duration):.0f} s; at least {MIN_RATE:g} frames/s are needed")
    return VideoInfo(
        path=path,
        width=first.height if rotation % 180 else first.width,
        height=first.width if rotation % 180 else first.height,
        fps=float(frames / duration),
        frames=frames,
        duration_s=float(duration),
        has_audio=has_audio,
        codec=codec,
        rotation=rotation,
        pix_fmt=first.format.name,
        interlaced=bool(first.interlaced_frame),
        hdr=int(first.color_trc) in _TEN_BIT_CURVES,
    )


def _frame_ticks(container: av.container.InputContainer, stream: av.VideoStream) -> list[int]:
    """Times of all frames, sorted, in ticks of the stream. Raises BadClip when data is missing at the end of
    the file.
    """
    path = _name(container)
    if "mp4" in container.format.name and stream.frames:
        # An mp4's index is complete and in memory: no need to read a gigabyte.
        size = os.path.getsize(path)
        entries = [entry for entry in stream.index_entries if not entry.is_discard]
        missing = sum(entry.pos + entry.size > size for entry in entries)
        if missing:
            raise BadClip(f"{path}: cut off: {missing} of {len(entries)} frames are missing")
        return sorted(entry.timestamp for entry in entries)
    frame_ticks = 1 / (stream.average_rate or Fraction(25)) / tick_length(stream)
    ticks: list[int] = []
    for packet in container.demux(stream):
        if packet.size:
            moment = packet.pts if packet.pts is not None else packet.dts
            ticks.append(moment if moment is not None else round(len(ticks) * frame_ticks))
    container.seek(0)
    found = float((max(ticks) - min(ticks)) * tick_length(stream)) if ticks else 0.0
    promised = (container.duration or 0) / av.time_base
    if len(ticks) < stream.frames - 2:  # an AVI header may count a frame or two that its B-frames only announce
        raise BadClip(f"{path}: cut off: {stream.frames - len(ticks)} of {stream.frames} frames are missing")
    if ticks and promised - found > max(1.0, 0.02 * promised):
        raise BadClip(f"{path}: cut off: {found:.1f} s of the {promised:.1f} s that its header promises")
    return sorted(ticks)


def _first_frame(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame:
    context = stream.codec_context
    if context is None:
        raise BadClip(f"{_name(container)}: no decoder for its video stream")
    if context.width * context.height > MAX_PIXELS:
        raise BadClip(
            f"{_name(container)}: claims to be {context.width} x {context.height} px; over {MAX_PIXELS} px are refused"
        )
    for frame in container.decode(stream):
        if min(frame.width, frame.height) < MIN_SIDE:
            raise BadClip(f"{_name(container)}: {frame.width} x {frame.height} px; {MIN_SIDE} px a side are needed")
        return frame
    raise BadClip(f"{_name(container)}: no frame can be decoded")


def decode_frames(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    start_pts: int | None = None,
    damaged: list[float] | None = None,
) -> Iterator[av.VideoFrame]:
    """Decodes in display order, from the last key frame at or before ``start_pts`` on.

    FFmpeg paints damage over (grey blocks, smeared motion) and only flags such frames: no such frame may reach a
    training, so they raise BadClip. Its `err_detect=explode` is no way out: it also refuses sound files after a seek
    into an open group of pictures.

    Args:
        damaged: if given, damaged frames are left out, and their times (s from the first frame) are put in here. What
            refers to them follows as it comes, and is not flagged: good enough to look at, not to train on.
    """
    stream.thread_type = "AUTO"
    # AVI knows no display times, only a constant rate: frames are counted, from the start.
    counted = container.format.name == "avi"
    last: int | None = None
    whole = start_pts is None or counted
    frames = _decoded(container, stream, damaged)
    if start_pts is not None and not counted:
        container.seek(start_pts, stream=stream, backward=True)
        first = next(frames, None)
        if first is not None and first.pts is not None and first.pts > start_pts:
            # No key frame where the index names one, and the decoder went on to the next: it is found from the start.
            container.seek(stream.start_time or 0, stream=stream, backward=True)
            first, whole, frames = None, True, _decoded(container, stream, damaged)
        frames = chain([first] if first is not None else [], frames)
    for index, frame in enumerate(frames):
        if counted:
            assert stream.average_rate is not None
            frame.pts = (stream.start_time or 0) + round(index / stream.average_rate / tick_length(stream))
        whole = whole or frame.key_frame
        if frame.pts is None or (last is not None and frame.pts <= last):
            if damaged is None:
                raise BadClip(f"{_name(container)}: damaged data (frames without or with falling time stamps)")
            damaged.append(_moment(stream, frame.pts if frame.pts is not None else last))
            continue
        if not whole and start_pts is not None and frame.pts < start_pts:
            continue  # leading frames of an open group of pictures: what they refer to lies before the seek
        last = frame.pts
        if not frame.is_corrupt:
            yield frame
        elif damaged is None:
            raise BadClip(f"{_name(container)}: damaged data at {_moment(stream, frame.pts):.2f} s")
        else:
            damaged.append(_moment(stream, frame.pts))


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, damaged: list[float] | None
) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            if damaged is None:
                raise
            damaged.append(_moment(stream, packet.pts if packet.pts is not None else packet.dts))


def _moment(stream: av.VideoStream, pts: int | None) -> float:
    return float(((pts or 0) - (stream.start_time or 0)) * tick_length(stream))


def read_frames(path: str | os.PathLike[str], batch: int = 32) -> Iterator[np.ndarray]:
    """Reads all stored frames in display order, in constant memory.

    Yields:
        uint8 RGB arrays (n, H, W, 3), upright, n <= batch.

    Raises:
        BadClip: see ``probe``; also damage on the way, as far as the decoder tells. decord paints over most of it: what
            goes into tables has come through ``cut_clip``, which does not.
    """
    info = probe(path)
    yield from _read_decord(info, batch) if _suits_decord(info) else _read_pyav(info, batch)


def _suits_decord(info: VideoInfo) -> bool:
    # Measured on 488 px h264: on two idle cores decord gives 1.8 x PyAV's frames/s (it converts colours while it
    # decodes), for about the same CPU time; on cores that others fight for, half. Its FFmpeg is from 2020: HEVC takes 3
    # x PyAV's time, and rotation, 10 bits and fields are PyAV's, whose answers the tests pin down. And it decodes ahead
    # without limit where its frames are not taken quickly enough: memory would grow with the length of a video, so long
    # ones are PyAV's, too.
    plain = info.codec == "h264" and info.pix_fmt == "yuv420p" and not (info.rotation or info.interlaced or info.hdr)
    if not plain or info.width % 2 or info.height % 2 or info.frames > DECORD_FRAMES:
        return False
    try:
        import cv2  # noqa: F401  (before decord, whose zlib it would otherwise find: its PNGs then fail)
        import decord  # noqa: F401  (wheels for x86-64 only)
    except ImportError:
        return False
    return True


def _read_decord(info: VideoInfo, batch: int) -> Iterator[np.ndarray]:
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(info.path), num_threads=min(4, os.cpu_count() or 1))
        for start in range(0, info.frames, batch):
            yield reader.get_batch(range(start, min(start + batch, info.frames))).asnumpy()
    except (decord.DECORDError, IndexError) as error:
        raise BadClip(f"{info.path}: damaged data (decord cannot decode it)") from error


def _read_pyav(info: VideoInfo, batch: int) -> Iterator[np.ndarray]:
    frames: list[np.ndarray] = []
    with open_media(info.path) as container:
        for frame in decode_frames(container, video_stream(container)):
            frames.append(np.rot90(frame.to_ndarray(format="rgb24"), info.rotation // 90))
            if len(frames) == batch:
                yield np.stack(frames)
                frames = []
    if frames:
        yield np.stack(frames)


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads a still image, upright by its EXIF orientation: uint8 RGB (H, W, 3).

    Raises:
        UserError: no such file, no image, or cut off.
    """
    from PIL import Image, ImageOps

    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such image file")
    try:
        with Image.open(path) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not an image that can be read ({str(error).splitlines()[0][:120]})") from error
