"""Sharpness: detail of the made face's features over that of the target's; and of the mouth alone.

Definition detail is the mean absolute value of one octave of brightness, a Gaussian of sigma 1/256 of the crop's side
           less one of 2/256, over brows, eyes, nose and lips, or over the lips and what is between them. The octave
           lies below the finest one, where a codec's noise and grain dominate; what white noise of the measured level
           (`noise.py`) adds to it is taken off. Ratio of the means over frames, made to target.
Units      ratio; 1: as sharp as the target, below: blurred, above: harder than the target (halos, or other features).
Judge      none: arithmetic on pixels; the landmarks only say where the face is.
Source     ours; band energy is the classical focus measure (Subbarao and Tyan, IEEE PAMI 1998).
Why        CPBD has no reference, rewards noise and blocking, and looks at edges wherever they are in the crop, hair and
           collar included.
Mind       another face has other features: glasses that a swap takes away cost some of it. The octave is of the crop,
           so a small face's is coarser. A closed mouth has less detail than an open one: read the mouth's figure over
           many frames, self-driven.
Excludes   frames without a face; skin and all that is no face. On skin crumbs and tiles pass for detail: a blurred,
           blotched face came out at 0.92 with it and at 0.64 without, and only the latter ranks pictures as the eye
           does.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.metrics.face_areas import LIP, SKIN

_FINE, _COARSE = 1 / 256, 2 / 256  # sigmas, shares of the crop's side
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def detail(image: np.ndarray, areas: np.ndarray, noise: float) -> tuple[float, float]:
    """Detail of the features and of the mouth in levels of 255; NaN where the area is empty.

    Args:
        image: crop (S, S, 3) uint8 RGB.
        areas: its labels (S, S), see `face_areas`.
        noise: its `noise_level`.
    """
    size = image.shape[0]
    grey = image.astype(np.float32) @ _GREY
    fine, coarse = size * _FINE, size * _COARSE
    octave = np.abs(cv2.GaussianBlur(grey, (0, 0), fine) - cv2.GaussianBlur(grey, (0, 0), coarse))
    grain = noise * _GREY_GAIN * noise_gain(fine, coarse)
    return _clean_mean(octave[areas > SKIN], grain), _clean_mean(octave[areas == LIP], grain)


def noise_gain(fine: float, coarse: float) -> float:
    """Mean absolute answer of a difference of two Gaussians (sigmas in px) to white noise of standard deviation 1."""
    # The integral of the product of two Gaussians of sigmas a and b is 1 / (2 pi (a^2 + b^2)).
    variance = (1 / (2 * fine**2) + 1 / (2 * coarse**2) - 2 / (fine**2 + coarse**2)) / (2 * np.pi)
    return float(np.sqrt(variance * 2 / np.pi))


_GREY_GAIN = float(np.linalg.norm(_GREY))  # independent noise of three channels averages out in brightness


def _clean_mean(values: np.ndarray, grain: float) -> float:
    if not values.size:
        return float("nan")
    return float(np.sqrt(max(float(values.mean()) ** 2 - grain**2, 0.0)))
