"""Videos and sounds on one clock: 25 frames and 80 mel steps a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from swaptalk_models.data.media.frame_times import CLIP_RATE
from swaptalk_models.data.media.pictures import at_constant_rate, stored_pictures
from swaptalk_models.data.media.probing import probe
from swaptalk_models.data.media.video import frames_at_once, read_frames, shown_frames

FPS = CLIP_RATE


def frames_at_25(path: Path, batch: int = 16) -> Iterator[np.ndarray]:
    """Batches (n <= batch, H, W, 3) of uint8 RGB frames at 25 a second, as ``cut_clip`` would have them. BadClip: no
    video.

    Frame i is the one on show at i / 25 s by the file's time stamps, whatever its mean rate. A still is one frame.
    """
    info = probe(path)
    if info.on_the_beat:
        yield from read_frames(path, batch)
        return
    yield from shown_frames(info, at_constant_rate(stored_pictures(info), info), frames_at_once(info, batch))


def length_at_25(path: Path) -> int:
    """About how many frames `frames_at_25` gives."""
    info = probe(path)
    return info.frames if info.on_the_beat else max(1, round(info.duration_s * FPS))
