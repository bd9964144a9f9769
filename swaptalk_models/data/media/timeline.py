"""Videos and sounds on one clock: 25 frames and 80 mel steps a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from swaptalk_models.data.media.video import decode_frames, open_media, probe, read_frames, video_stream
from swaptalk_models.data.media.video_info import VideoInfo

FPS = 25
_ROUNDING_S = 1e-3  # time stamps of 30 fps video in milliseconds are off by as much


def frames_at_25(path: Path, batch: int = 16) -> Iterator[np.ndarray]:
    """Batches (n <= batch, H, W, 3) of uint8 RGB frames at 25 a second. BadClip: no video.

    A video at 25 fps comes as it is. Any other rate is sampled by timestamps: frame i is the one on show at i / 25 s.
    """
    if abs(probe(path).fps - FPS) < 0.01:
        yield from read_frames(path, batch)
        return
    pending: list[np.ndarray] = []
    for frame in _sampled(path):
        pending.append(frame)
        if len(pending) == batch:
            yield np.stack(pending)
            pending = []
    if pending:
        yield np.stack(pending)


def length_at_25(path: Path) -> int:
    """About how many frames `frames_at_25` gives."""
    info = probe(path)
    return info.frames if abs(info.fps - FPS) < 0.01 else round(info.duration_s * FPS)


def _sampled(path: Path) -> Iterator[np.ndarray]:
    info = probe(path)
    shown, begin, count = None, 0.0, 0
    with open_media(path) as container:
        for frame in decode_frames(container, video_stream(container)):
            if shown is None:
                begin = frame.time
            while shown is not None and count / FPS < frame.time - begin - _ROUNDING_S:
                yield _upright(shown, info)
                count += 1
            shown = frame
        while shown is not None and count / FPS < info.duration_s - _ROUNDING_S:
            yield _upright(shown, info)
            count += 1


def _upright(frame: av.VideoFrame, info: VideoInfo) -> np.ndarray:
    return np.rot90(frame.to_ndarray(format="rgb24"), info.rotation // 90)
