"""LMD: landmark distance of the mouth to the target video, frame by frame. For self-driven videos only.

Source     Chen et al., "Hierarchical cross-modal talking face generation" (ATVGnet), CVPR 2019: the 20 mouth points (48
           to 67 of the iBUG 68), the mouth's centroid subtracted on both sides, Euclidean distances.
Definition here the **mean** over the 20 points and then over frames (ATVGnet's script sums over the points: 20 times
           this value, `lmd_sum` in the result's details; other scripts differ from it by a factor of 20 and more).
Units      px in the aligned crop of 256 px that the target's landmarks define on both sides. `interocular_share` gives
           it as a share of the distance between the eye centres, which no resolution changes. 0 and up, lower is
           better.
Judge      the landmark detector named in the result, run on both videos alike.
Excludes   frames whose face is missing or only interpolated in either video.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.faces.landmarks import interocular

MOUTH = slice(48, 68)


def mouth_distances(landmarks: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Per frame mean distance of the centred mouth points: two arrays (T, 68, 2) in px give (T,) in px."""
    assert landmarks.shape == target.shape and landmarks.shape[1:] == (68, 2)
    ours, theirs = landmarks[:, MOUTH].astype(np.float64), target[:, MOUTH].astype(np.float64)
    ours = ours - ours.mean(axis=1, keepdims=True)
    theirs = theirs - theirs.mean(axis=1, keepdims=True)
    return np.linalg.norm(ours - theirs, axis=2).mean(axis=1)


def lmd(landmarks: np.ndarray, target: np.ndarray) -> float:
    """Mean of `mouth_distances` over frames, px; NaN for no frame."""
    return float(mouth_distances(landmarks, target).mean()) if len(landmarks) else float("nan")


def interocular_share(distances: np.ndarray, target: np.ndarray) -> float:
    """Mean of (T,) distances over the target's distance between eye centres, landmarks (T, 68, 2); NaN for no frame."""
    return float((distances / interocular(target)).mean()) if len(distances) else float("nan")
