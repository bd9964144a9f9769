"""Mouth opening over time, and its correlation with the target's or the true opening.

Source     ours, beside LMD.
Definition distance of the inner lips' middle points (62 and 66 of the iBUG 68) over the distance between the eye
           centres; Pearson's correlation over the frames of one video.
Units      none. Opening 0 and up; correlation -1 to 1, higher is better.
Why        LMD is small for a mouth that never moves; a copied reference frame has correlation 0 (given as 0 where a
           side is constant).
Excludes   frames without a face.
"""

from __future__ import annotations

import numpy as np


def opening_correlation(opening: np.ndarray, truth: np.ndarray) -> float:
    """Pearson's correlation of two (T,) series where both are finite; 0 if one is constant, NaN below 3 frames."""
    assert opening.shape == truth.shape
    known = np.isfinite(opening) & np.isfinite(truth)
    ours, theirs = opening[known].astype(np.float64), truth[known].astype(np.float64)
    if len(ours) < 3:
        return float("nan")
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    norm = np.linalg.norm(ours) * np.linalg.norm(theirs)
    return float(ours @ theirs / norm) if norm > 1e-12 else 0.0


def jitter(opening: np.ndarray) -> float:
    """How much an opening (T,) jumps to and fro: the mean absolute second difference over frames, 0 and up; 0 below 3 frames."""
    return float(np.abs(np.diff(opening, n=2)).mean()) if len(opening) >= 3 else 0.0
