"""Noise: grain of a made face beyond the target's own.

Definition Immerkaer's mask [1 -2 1; -2 4 -2; 1 -2 1] answers to noise and not to edges or ramps; the median of its
           absolute answer over the skin, over 0.6745 x 6, is the noise's standard deviation. RMS over the colour
           channels; mean over frames; less the target's.
Units      levels of 255; 0: as the target, above: grain was added, below: the target's grain is gone.
Judge      none: arithmetic on pixels; the landmarks only say where skin is.
Source     J. Immerkaer, "Fast noise variance estimation", CVIU 1996; the median instead of the mean after Donoho,
           Biometrika 1994, so that no mole counts.
Why        noise passes for sharpness (CPBD rewards it); here it has a figure of its own, and `sharpness.py` takes it
           off.
Mind       of noise that was enlarged with its picture only a part is seen.
Excludes   frames without a face, brows, eyes, nose, lips and all that is no face.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.metrics.face_areas import SKIN

_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_NORM = 0.6745 * 6  # median of |N(0, 1)| times the mask's own norm


def noise_level(image: np.ndarray, areas: np.ndarray) -> float:
    """Standard deviation in levels of 255, of a crop (S, S, 3) uint8 RGB and its labels (S, S), see `face_areas`.

    NaN without skin.
    """
    skin = areas == SKIN
    if not skin.any():
        return float("nan")
    answer = np.abs(cv2.filter2D(image, cv2.CV_32F, _MASK)[skin])
    return float(np.sqrt(np.square(np.median(answer, axis=0) / _NORM).mean()))
