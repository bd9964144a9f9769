"""Reading all frames of a video as arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import av
import numpy as np

from swaptalk_models.data.media.picture_files import read_image
from swaptalk_models.data.media.pictures import stored_pictures
from swaptalk_models.data.media.probing import probe
from swaptalk_models.data.media.upright import Upright
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.errors import BadClip

__all__ = ["probe", "read_frames", "read_image"]  # what most who read anything need

BATCH_BYTES = 64 << 20
"""Frames in one batch are fewer than asked for where they would take more than this."""
DECORD_FRAMES = 500  # a clip of the usual 10 s and some more
DECORD_BYTES = 400 << 20
"""decord decodes ahead without limit where its frames are not taken quickly enough: no video may be larger than this."""


def read_frames(path: str | os.PathLike[str], batch: int = 32) -> Iterator[np.ndarray]:
    """Reads all stored frames in display order, in constant memory.

    Yields:
        uint8 RGB arrays (n, H, W, 3), as they are shown, n <= batch; fewer where frames are large (``BATCH_BYTES``).

    Raises:
        BadClip: see ``probe``; also damage on the way, as far as the decoder tells. decord paints over most of it: what
            goes into tables has come through ``cut_clip``, which does not.
    """
    info = probe(path)
    batch = frames_at_once(info, batch)
    done = 0
    if _suits_decord(info):
        try:
            for frames in _read_decord(info, batch):
                yield frames
                done += len(frames)
            return
        except BadClip:
            pass  # its FFmpeg is from 2020: what it cannot decode may be whole
    yield from _read_pyav(info, batch, done)


def frames_at_once(info: VideoInfo, wanted: int) -> int:
    """How many frames of a video one batch may hold, at least 1."""
    return max(1, min(wanted, BATCH_BYTES // (info.width * info.height * 3)))


def shown_frames(info: VideoInfo, frames: Iterable[av.VideoFrame], batch: int) -> Iterator[np.ndarray]:
    """Decoded frames of a video as batches (n <= batch, H, W, 3) of uint8 RGB, as they are shown."""
    upright = Upright(info)
    pending = np.empty((batch, info.height, info.width, 3), np.uint8)
    count = 0
    for frame in frames:
        pending[count] = upright.rgb(frame)
        count += 1
        if count == batch:
            yield pending
            pending, count = np.empty_like(pending), 0
    if count:
        yield pending[:count]


def _suits_decord(info: VideoInfo) -> bool:
    # Measured on 488 px h264: on two idle cores decord gives 1.8 x PyAV's frames/s (it converts colours while it
    # decodes), for about the same CPU time and the same pixels; on cores that others fight for, half. Its FFmpeg is
    # from 2020: HEVC takes 3 x PyAV's time, and rotation, 10 bits and fields are PyAV's, whose answers the tests pin
    # down.
    plain = info.codec == "h264" and info.pix_fmt == "yuv420p" and info.plain
    small = info.frames <= DECORD_FRAMES and info.frames * info.width * info.height * 3 <= DECORD_BYTES
    if not (plain and small and _has_index(info)) or info.width % 2 or info.height % 2:
        return False
    try:
        import cv2  # noqa: F401  (before decord, whose zlib it would otherwise find: its PNGs then fail)
        import decord  # noqa: F401  (wheels for x86-64 only)
    except ImportError:
        return False
    return True


def _has_index(info: VideoInfo) -> bool:
    """Whether a file is an mp4. Of broadcasts decord repeats what it cannot decode, and does not say so."""
    with open(info.path, "rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _read_decord(info: VideoInfo, batch: int) -> Iterator[np.ndarray]:
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(os.path.abspath(info.path), num_threads=min(4, os.cpu_count() or 1))
        if len(reader) != info.frames:
            raise BadClip(f"{info.path}: decord finds {len(reader)} of {info.frames} frames")
        for start in range(0, info.frames, batch):
            frames = reader.get_batch(range(start, min(start + batch, info.frames))).asnumpy()
            if frames.shape[1:3] != (info.height, info.width):
                raise BadClip(f"{info.path}: decord finds frames of {frames.shape[2]} x {frames.shape[1]} px")
            yield frames
    except (decord.DECORDError, IndexError, UnicodeError) as error:
        raise BadClip(f"{info.path}: damaged data (decord cannot decode it)") from error


def _read_pyav(info: VideoInfo, batch: int, skipped: int = 0) -> Iterator[np.ndarray]:
    frames = (picture.frame for number, picture in enumerate(stored_pictures(info)) if number >= skipped)
    yield from shown_frames(info, frames, batch)
