"""What a swap has to keep of the target: pose and expression, background, and its steadiness. On aligned crops, with the swap pasted in.

Definitions
    landmark_distance      mean distance of the 68 landmarks to the target's, in percent of the distance between the eyes. Some of it is the
                           source's own shape, which a swap should bring along.
    mouth_kept             Pearson's correlation of the mouth's opening with the target's over frames of one clip, the mean over clips: of a mask that wears
                           the source's expression whatever the target does it is 0, and the distance above is hardly larger.
    background_difference  mean absolute difference to the target outside of the face (label "background"), in levels of 255.
    flicker                mean absolute change of the face from one frame to the next that the target's face does not have, in levels of 255.
Units      as named; 0 and up, lower is better; correlations -1 to 1, higher is better.
Judge      landmarks: the detector that both sides were given to; the others are arithmetic on pixels.
Source     ours; the first after the expression errors of face-swapping papers (e.g. FaceShifter, CVPR 2020), which use a 3D face model.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.faces.landmarks import interocular, mouth_opening
from swaptalk_models.data.faces.regions import region_labels
from swaptalk_models.metrics.mouth import opening_correlation


def landmark_distance(made: np.ndarray, target: np.ndarray) -> float:
    """Landmarks (N, 68, 2) of both: percent of the eyes' distance."""
    distances = np.linalg.norm(made.astype(np.float64) - target, axis=2).mean(axis=1)
    return float((distances / interocular(target)).mean() * 100)


def mouth_kept(made: np.ndarray, target: np.ndarray) -> float:
    """Landmarks (frames, N, 68, 2) of both, N clips. NaN below three frames."""
    openings = [np.stack([mouth_opening(frame) for frame in side]) for side in (made, target)]
    return float(
        np.mean([opening_correlation(ours, theirs) for ours, theirs in zip(*(o.T for o in openings), strict=True)])
    )


def background_difference(made: np.ndarray, target: np.ndarray, landmarks: np.ndarray) -> float:
    """Crops (N, S, S, 3) uint8 and the target's landmarks (N, 68, 2)."""
    return _mean_where(np.abs(made.astype(np.float32) - target), ~_faces(landmarks, made.shape[1]))


def flicker(made: np.ndarray, target: np.ndarray, landmarks: np.ndarray) -> float:
    """Pairs of neighbouring frames, (2, N, S, S, 3) uint8, and the first frames' landmarks (N, 68, 2)."""
    change, usual = (np.diff(frames.astype(np.float32), axis=0)[0] for frames in (made, target))
    return _mean_where(np.abs(change - usual), _faces(landmarks, made.shape[2]))


def _faces(landmarks: np.ndarray, size: int) -> np.ndarray:
    """(N, size, size) bool"""
    return np.stack([region_labels(points, size, size) > 0 for points in landmarks])


def _mean_where(values: np.ndarray, mask: np.ndarray) -> float:
    """Mean of (N, S, S, 3) over a mask (N, S, S); NaN where it is empty."""
    return float(values[mask].mean()) if mask.any() else float("nan")
