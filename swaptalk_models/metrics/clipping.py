"""Glints and coloured specks: pixels that are clipped, or of a colour that this skin does not have.

Definition clipped: any channel at most 3 or at least 252 (a codec rounds 0 and 255 off). Coloured: on skin and nose, of
           the crop blurred by 1/128 of its side (grain is no speck), with chroma (R - Y, B - Y) / Y, so that light and
           shade do not matter: pixels farther than four times the target's spread, and 0.15 at least, from the way that
           leads from the face's median chroma to grey. The spread is 1.48 times the median distance. A paler pixel is
           on that way: a highlight is no colour. Share of the face's pixels; mean over frames; less the target's.
Units      percent of the face; 0: as the target, above: worse, below: fewer than the target has.
Judge      none: arithmetic on pixels; the landmarks only say where the face is.
Source     ours; outliers by the median absolute deviation after Hampel (JASA 1974).
Why        a gain a channel that matches dark skin to bright light drives highlights to white and noise to violet: few
           pixels, so that means (PSNR, blotches) hardly move, but the first thing that one sees.
Mind       a glint that stays below 252 is not counted; `blotches.py` sees the larger ones.
Excludes   frames without a face; of the coloured ones brows, eyes and lips.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.metrics.face_areas import NOSE, SKIN

_LOW, _HIGH = 3, 252
_SPREADS, _LEAST = 4.0, 0.15
_BLUR = 1 / 128  # sigma, share of the crop's side
_DARK = 32.0  # levels: chroma of what is darker is over this
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def clipped_share(image: np.ndarray, areas: np.ndarray) -> float:
    """A crop (S, S, 3) uint8 RGB and its labels (S, S), see `face_areas`: percent of the face; NaN without one."""
    face = image[areas > 0]
    return 100 * float(((face <= _LOW) | (face >= _HIGH)).any(axis=1).mean()) if len(face) else float("nan")


def coloured_shares(
    made: np.ndarray, target: np.ndarray, made_areas: np.ndarray, target_areas: np.ndarray
) -> tuple[float, float]:
    """Percent of coloured pixels of the made face and of the target's, both by its spread; NaN without skin."""
    ours, theirs = (_off_colour(image, areas) for image, areas in ((made, made_areas), (target, target_areas)))
    if not (len(ours) and len(theirs)):
        return float("nan"), float("nan")
    farthest = max(_SPREADS * 1.4826 * float(np.median(theirs)), _LEAST)
    return 100 * float((ours > farthest).mean()), 100 * float((theirs > farthest).mean())


def _off_colour(image: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Distance of each skin pixel's chroma from the way between the median of all and grey, (N,)."""
    # every second pixel will do of what was blurred
    smooth, areas = cv2.GaussianBlur(image, (0, 0), _BLUR * len(image))[::2, ::2], areas[::2, ::2]
    skin = smooth[(areas == SKIN) | (areas == NOSE)].astype(np.float32)
    if not len(skin):
        return np.zeros(0, np.float32)
    bright = skin @ _GREY
    chroma = (skin[:, [0, 2]] - bright[:, None]) / np.maximum(bright, _DARK)[:, None]
    usual = np.median(chroma, axis=0)
    share = np.clip(chroma @ usual / max(float(usual @ usual), 1e-9), 0, 1)
    return np.linalg.norm(chroma - share[:, None] * usual, axis=1)
