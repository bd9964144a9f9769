"""Glints and coloured specks: pixels of a face that are clipped, or of a colour that this skin does not have, beyond the target's own.

Definition clipped: any channel at most 3 or at least 252 (a codec rounds 0 and 255 off). Coloured: on skin or nose, the chroma (R - Y, B - Y, each over Y, so
           that light and shade do not matter) is farther from the face's own median than four times the target's spread, 1.48 times the median
           distance, and at least 0.15. Share of the face's pixels; mean over frames; less the target's.
Units      percent of the face; 0: as the target, above: worse, below: fewer than the target has.
Judge      none: arithmetic on pixels; the landmarks only say where the face is.
Source     ours; outliers by the median absolute deviation after Hampel (JASA 1974).
Why        a gain a channel that matches dark skin to bright light drives highlights to white and noise to violet: few pixels, so that means (PSNR,
           blotches) hardly move, but the first thing that one sees.
Excludes   frames without a face; of the coloured ones brows, eyes and lips.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.metrics.face_areas import NOSE, SKIN

_LOW, _HIGH = 3, 252
_SPREADS, _LEAST = 4.0, 0.15
_DARK = 32.0  # levels: chroma of what is darker is over this
_GREY = np.float32([0.299, 0.587, 0.114])


def clipped_share(image: np.ndarray, areas: np.ndarray) -> float:
    """A crop (S, S, 3) uint8 RGB and its labels (S, S), see `face_areas`: percent of the face; NaN without one."""
    face = image[areas > 0]
    return 100 * float(((face <= _LOW) | (face >= _HIGH)).any(axis=1).mean()) if len(face) else float("nan")


def coloured_shares(made: np.ndarray, target: np.ndarray, made_areas: np.ndarray, target_areas: np.ndarray) -> tuple[float, float]:
    """Percent of coloured pixels of the made face and of the target's, both by the target's spread; NaN without skin."""
    ours, theirs = (_from_median(image, areas) for image, areas in ((made, made_areas), (target, target_areas)))
    if not (len(ours) and len(theirs)):
        return float("nan"), float("nan")
    farthest = max(_SPREADS * 1.4826 * float(np.median(theirs)), _LEAST)
    return 100 * float((ours > farthest).mean()), 100 * float((theirs > farthest).mean())


def _from_median(image: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Distance of each skin pixel's chroma from the median of all, (N,)."""
    skin = image[(areas == SKIN) | (areas == NOSE)].astype(np.float32)
    bright = skin @ _GREY
    chroma = (skin[:, [0, 2]] - bright[:, None]) / np.maximum(bright, _DARK)[:, None]
    return np.linalg.norm(chroma - np.median(chroma, axis=0), axis=1) if len(chroma) else bright
