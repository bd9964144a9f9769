"""Blotches: patches of wrong light or colour, larger than a cell, smaller than the face, not in the target's skin.

Definition both crops are brought to 64 px and their logarithms (a light that dims by half takes the same from all) to a
           middle band: a Gaussian of sigma 1/64 of the crop less one of 5/64, each taken over skin alone. Of the made
           face's band the target's is subtracted, times the factor in 0..1 that leaves least (so a face that is merely
           smoother than the target has few blotches); the figure is the RMS of what is left, over skin and colour
           channels, times the target's mean level.
Units      levels of 255, 0 and up, lower is better; 0 for the target itself. Another person's cheekbones count as well:
           the authors' published videos have 5 to 11. Compare methods on the same scenes.
Judge      none: arithmetic on pixels; the landmarks only say where skin is.
Source     ours; the band after the log-domain illumination models of Retinex (Jobson et al., IEEE TIP 1997).
Why        to the eye this is what makes a swapped face a mask; sharpness, SSIM and identity do not see it.
Mind       a smooth light that differs (one side brighter, warmer) hardly counts: it is in neither band nor ratio.
Excludes   frames without a face, brows, eyes, nose, lips and all that is no face in either picture.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.metrics.face_areas import SKIN

_GRID = 64
_FINE, _COARSE = 1.0, 5.0  # sigmas, px of the grid
_DARK = 8.0  # levels added before the logarithm, so that noise in black does not count
_LEAST_SKIN = 40  # cells of the grid


def blotches(made: np.ndarray, target: np.ndarray, made_areas: np.ndarray, target_areas: np.ndarray) -> float:
    """Levels of 255, from crops (S, S, 3) uint8 RGB and their labels (S, S), see `face_areas`.

    NaN where the two have hardly any skin in common.
    """
    skins = [_skin(areas) for areas in (made_areas, target_areas)]
    common = (skins[0] * skins[1]) > 0
    if common.sum() < _LEAST_SKIN:
        return float("nan")
    logs = [_logs(image) for image in (made, target)]
    ours, theirs = (_band(log, skin)[common] for log, skin in zip(logs, skins, strict=True))
    explained = np.clip((ours * theirs).sum() / max((theirs * theirs).sum(), 1e-9), 0, 1)
    level = float(np.exp(logs[1][common]).mean() - _DARK)
    return float(np.sqrt(np.square(ours - explained * theirs).mean()) * level)


def _skin(areas: np.ndarray) -> np.ndarray:
    """Cells that are nothing but skin: float32 (64, 64), 0 or 1."""
    return (cv2.resize((areas == SKIN).astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA) > 0.99).astype(
        np.float32
    )


def _logs(image: np.ndarray) -> np.ndarray:
    return np.log(cv2.resize(image, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float32) + _DARK)


def _band(logs: np.ndarray, skin: np.ndarray) -> np.ndarray:
    return _smooth(logs, skin, _FINE) - _smooth(logs, skin, _COARSE)


def _smooth(values: np.ndarray, weights: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian over the weighted cells alone (normalised convolution, Knutsson and Westin 1993)."""
    summed = cv2.GaussianBlur(values * weights[..., None], (0, 0), sigma)
    return summed / np.maximum(cv2.GaussianBlur(weights, (0, 0), sigma), 1e-3)[..., None]
