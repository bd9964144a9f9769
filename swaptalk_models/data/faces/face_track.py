"""One face over the frames of a clip, as the tracker leaves it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

MISSING, DETECTED, TRACKED, INTERPOLATED = range(4)
"""Values of `FaceTrack.status`."""

MEASURE_EVERY = 25
"""Frames from one measurement of what costs more to the next: one a second."""


@dataclass(frozen=True)
class FaceTrack:
    """One face over T frames. Dense: frames without a face repeat the nearest landmarks, with confidence 0."""

    box: np.ndarray
    """float32 (T, 4): x0, y0, x1, y1 in pixels, derived from the landmarks."""
    landmarks: np.ndarray
    """float32 (T, 68, 2): x, y in pixels, iBUG order."""
    confidence: np.ndarray
    """float32 (T,), 0 to 1; 0 where the face is missing."""
    status: np.ndarray
    """uint8 (T,): MISSING, DETECTED, TRACKED or INTERPOLATED."""
    doubt: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    """float32 (N,), one a second where a face was seen: how unsure its lower landmarks are, see `_doubt`."""
    looked_at: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """int32 (M,), numbers of frames, evenly over the clip, in which the face was kept; none unless asked for."""
    looks: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 3), np.uint8))
    """uint8 (M, S, S, 3): the aligned face in these frames."""
