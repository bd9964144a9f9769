"""SSIM: structural similarity to the target frame.

Source     Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment", IEEE TIP 2004. Equal to scikit-image's to 1e-5
           (a test holds it), in a fraction of its time.
Definition (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)) in an 11 x 11 Gaussian window with sigma 1.5,
           C = (K 255)^2, K1 = 0.01, K2 = 0.03, population covariance; mean over the R, G and B planes, over all whole windows, and over
           frames. `ssim_mouth` in the result's details: the same over the middle of the crop's lower half.
Where      on aligned face crops, never on whole frames: pixels copied from the target would inflate it.
Units      none; range -1 to 1, 1 for equal pictures. Higher is better.
Excludes   frames without a face in either video, and frames beyond the shorter video's end (counted by `evaluate`).
"""

from __future__ import annotations

import cv2
import numpy as np

WINDOW, SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(image: np.ndarray, target: np.ndarray) -> float:
    """SSIM of two uint8 RGB pictures (H, W, 3) of one size, both sides at least 11 px."""
    return float(ssim_map(image, target).mean(dtype=np.float64))


def ssim_map(image: np.ndarray, target: np.ndarray) -> np.ndarray:
    """SSIM of every whole window, float32 (H - 10, W - 10, 3); entry (i, j) is centred on pixel (i + 5, j + 5)."""
    assert image.shape == target.shape and image.dtype == target.dtype == np.uint8 and min(image.shape[:2]) >= WINDOW
    # Grey values around 0 instead of 128: variances are differences of squares, and float32 has seven digits.
    x, y = image.astype(np.float32) - 128, target.astype(np.float32) - 128
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x, variance_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 128, mean_y + 128
    similarity = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    similarity /= (mean_x**2 + mean_y**2 + _C1) * (variance_x + variance_y + _C2)
    border = WINDOW // 2
    return similarity[border:-border, border:-border]


def _blur(plane: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(plane, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT)
