"""PSNR: peak signal-to-noise ratio to the target frame.

Source     the common definition; a test holds closed forms.
Definition 10 log10(255^2 / MSE) over all pixels and planes of the aligned face crop; mean over frames of the per-frame
           value.
Units      dB, 0 and up; equal pictures would give infinity and are given as `CEILING_DB`. Higher is better.
Excludes   as SSIM.
"""

from __future__ import annotations

import numpy as np

CEILING_DB = 100.0
"""What equal pictures score: finite, so that a mean over frames and a JSON file can hold it."""


def psnr(image: np.ndarray, target: np.ndarray) -> float:
    """PSNR in dB of two uint8 pictures of one shape, at most `CEILING_DB`."""
    assert image.shape == target.shape and image.dtype == target.dtype == np.uint8
    error = np.mean(np.square(image.astype(np.float32) - target.astype(np.float32)), dtype=np.float64)
    if error == 0:
        return CEILING_DB
    return float(min(CEILING_DB, 10 * np.log10(255.0**2 / error)))
