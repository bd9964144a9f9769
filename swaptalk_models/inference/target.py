"""The target video as a generation sees it: any number of frames, in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.media.timeline import frames_at_25, length_at_25

_KEPT = 250  # frames (10 s) that are walked back and forth when the sound is longer than the video
_ABOUT = 5  # frames by which a length may be wrong
_KEPT_BYTES = 192 << 20  # fewer, where they take more


def target_frames(path: Path, count: int) -> Iterator[tuple[int, np.ndarray]]:
    """``count`` times (number of the frame in the video at 25 fps, frame (H, W, 3) uint8 RGB).

    A video that is too short goes back and forth over its last ten seconds, which are kept compressed; less of very
    large pictures.
    """
    kept: deque[np.ndarray] = deque()
    given = held = 0
    whole = length_at_25(path) > count + _ABOUT
    for batch in frames_at_25(path):
        for frame in batch:
            if given == count:
                return
            yield given, frame
            given += 1
            if whole:
                continue
            kept.append(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 97])[1])
            held += kept[-1].nbytes
            while len(kept) > _KEPT or (held > _KEPT_BYTES and len(kept) > 1):
                held -= kept.popleft().nbytes
    for number in _back_and_forth(given, len(kept), count - given):
        image = cv2.imdecode(kept[number - given], cv2.IMREAD_COLOR)
        assert image is not None
        yield number, image


def _back_and_forth(length: int, span: int, count: int) -> Iterator[int]:
    """Frame numbers after ``length`` frames have been shown: back over the last ``span``, then forth, and so on."""
    period = max(1, 2 * (span - 1))
    for step in range(1, count + 1):
        place = step % period
        yield length - 1 - (place if place < span else period - place)
