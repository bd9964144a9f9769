"""Landmark jitter: how much points of a face tremble that neither speech nor blinks move.

Definition bridge and base of the nose and the corners of the eyes: distance of each from the mean of itself a frame before and a
           frame after, as a share of the eyes' distance; mean over points and frames.
Units      % of the distance between the eyes, 0 and up, lower is better. Detectors tremble, too, and heads nod: read it beside
           the ground truth.
Judge      the landmark detector named in the result.
Source     ours; the acceleration error of human pose estimation (Kanazawa et al., "Learning 3D human dynamics from video",
           CVPR 2019), without a truth.
Excludes   frames without a face, and their neighbours.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.faces.landmarks import interocular

_STEADY = [27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45]


def landmark_jitter(landmarks: np.ndarray, usable: np.ndarray) -> float:
    """From landmarks (T, 68, 2) in px and which frames have a face, bool (T,); NaN without three such in a row."""
    if len(landmarks) < 3:
        return float("nan")
    whole = usable[:-2] & usable[1:-1] & usable[2:]
    if not whole.any():
        return float("nan")
    points = landmarks[:, _STEADY].astype(np.float64)
    away = np.linalg.norm(points[1:-1] - (points[:-2] + points[2:]) / 2, axis=2).mean(axis=1)
    return float(100 * (away / interocular(landmarks[1:-1]))[whole].mean())
