"""Lip dynamics: how much the shape of the mouth changes at all.

Source     the part of that name of THEval (Quignon et al., arXiv 2511.04520), written anew from its definition; its landmarks are
           40 of MediaPipe's, ours the 20 of the mouth of the iBUG 68, so that its numbers and ours do not compare.
Definition distances between all pairs of the mouth's landmarks, as shares of the eyes' distance; the variance of each over time,
           mean over the pairs, in blocks of 500 frames whose variances are averaged (heads that come nearer during minutes
           would else count as lips). `lip_dynamics_score` is 1 - |ours - real| / |real|, the target's own lips being the real ones.
Units      lip_dynamics in 10^-4 of the squared eyes' distance, 0 and up; a still has 0, quivering landmarks have more than 0:
           read it beside the ground truth. lip_dynamics_score up to 1, higher is better.
Judge      the landmark detector named in the result.
Excludes   frames without a face; fewer than 25 frames.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.metrics.lmd import MOUTH

_BLOCK = 500
_FEWEST = 25
_FIRST, _SECOND = np.triu_indices(MOUTH.stop - MOUTH.start, k=1)


def lip_dynamics(landmarks: np.ndarray) -> float:
    """From landmarks (T, 68, 2) of frames with a face; NaN below 25."""
    if len(landmarks) < _FEWEST:
        return float("nan")
    blocks = np.array_split(landmarks, max(1, round(len(landmarks) / _BLOCK)))
    return float(np.average([_variance(block) for block in blocks], weights=[len(block) for block in blocks]))


def _variance(landmarks: np.ndarray) -> float:
    points = landmarks[:, MOUTH].astype(np.float64) / interocular(landmarks)[:, None, None]
    return float(1e4 * np.linalg.norm(points[:, _FIRST] - points[:, _SECOND], axis=2).var(axis=0).mean())
