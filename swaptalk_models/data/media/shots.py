"""Scanning a whole video once: where its shots end, and where it is damaged.

Not PySceneDetect: it counts frames where we need times, opens anything FFmpeg would, and does not tell damage.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from dataclasses import dataclass

import numpy as np

from swaptalk_models.data.media.container import open_media, tick_length, video_stream
from swaptalk_models.data.media.decoding import decode_frames

SETTLE = 4
"""Frames after which a new picture is there to stay; a flash of up to one less is not a cut."""
SETTLE_S = 0.16
"""No second cut within this time (s)."""


@dataclass(frozen=True)
class Shots:
    """What ``scan_video`` found; times in s from the first frame."""

    cuts: list[float]
    """Instants at which a new shot begins."""
    damaged: list[float]
    """Frames that cannot be decoded, or not as they were."""


def scan_video(path: str | os.PathLike[str], threshold: float = 0.12) -> Shots:
    """Finds cuts and damage in a video.

    A cut is a jump of the 32 x 18 grey thumbnail that stays: after a flash the picture is the old one again. The jump
    must also stand out from the motion around it.

    Args:
        threshold: mean absolute difference of the thumbnails, as a share of the grey range.
    """
    cuts: list[float] = []
    damaged: list[float] = []
    recent: deque[tuple[float, np.ndarray]] = deque(maxlen=SETTLE + 3)
    quiet_until = -1.0
    with open_media(path) as container:
        stream = video_stream(container)
        tick = tick_length(stream)
        for frame in decode_frames(container, stream, damaged=damaged):
            grey = frame.reformat(32, 18, "gray", interpolation="AREA").to_ndarray().astype(np.float32) / 255.0
            assert frame.pts is not None
            recent.append((float((frame.pts - (stream.start_time or 0)) * tick), grey))
            if len(recent) < SETTLE + 3:
                continue
            # Two frames before the candidate (index 3), and it with those that follow.
            steps = [np.abs(b[1] - a[1]).mean() for a, b in itertools.pairwise(recent)]
            jump, elsewhere = steps[2], max(steps[0], steps[1], steps[-1])
            stays = np.abs(recent[2][1] - recent[-1][1]).mean()
            moment = recent[3][0]
            if jump > threshold and stays > threshold and jump > 3 * elsewhere and moment > quiet_until:
                cuts.append(moment)
                quiet_until = moment + SETTLE_S
    return Shots(cuts, damaged)
