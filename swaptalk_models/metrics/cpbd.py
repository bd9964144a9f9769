"""CPBD: cumulative probability of blur detection, a sharpness measure without reference.

Source     Narvekar and Karam, "A no-reference image blur metric based on the cumulative probability of blur detection",
           IEEE TIP 2011; edge width after Marziliano et al., ICIP 2002. Agrees with the widely used Python port of the
           authors' MATLAB release (PyPI `cpbd`, which no longer imports) to rounding; see the golden values in the
           tests.
Definition in every 64 x 64 block with more than 0.2 % Canny edge pixels, each vertical Sobel edge of width w is seen as
           blurred with P = 1 - exp(-(w / w_JNB)^3.6), w_JNB = 5 px where the block's contrast is at most 50 grey
           levels, else 3 px. CPBD is the share of edges with P <= 0.63.
Units      none; range 0 to 1, higher is sharper. 0 where no edge is found.
Mind       widths are in pixels, so the value depends on the resolution: here always the aligned crop of
           `EvaluationConfig.crop_size`. It rewards noise and blocking. Compare with the ground-truth row, not with
           other papers.
Excludes   frames without a face.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.feature import canny

BLOCK = 64
EDGE_SHARE = 0.002
BETA = 3.6
LONGEST_WALK = 100
_VERTICAL_SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8


def cpbd(image: np.ndarray) -> float:
    """CPBD of a uint8 picture, RGB (H, W, 3) or grey (H, W), both sides at least 64 px."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    assert image.dtype == np.uint8 and min(image.shape) >= BLOCK
    grey = image.astype(np.float64)
    edges = canny(grey)  # type: ignore[no-untyped-call]  # scikit-image has no types
    widths = edge_widths(grey)
    sharp = total = 0
    for top in range(0, grey.shape[0] - BLOCK + 1, BLOCK):
        for left in range(0, grey.shape[1] - BLOCK + 1, BLOCK):
            block = np.s_[top : top + BLOCK, left : left + BLOCK]
            if np.count_nonzero(edges[block]) <= EDGE_SHARE * BLOCK * BLOCK:
                continue
            contrast = int(np.ptp(grey[block]))
            noticeable = 5.0 if contrast <= 50 else 3.0
            width = widths[block][widths[block] > 0]
            blurred = 1 - np.exp(-((width / noticeable) ** BETA))
            # The original counts a histogram with 1 % bins up to and including the bin of 63 %.
            sharp += int(np.count_nonzero(np.round(100 * blurred) <= 63))
            total += len(width)
    return sharp / total if total else 0.0


def edge_widths(grey: np.ndarray) -> np.ndarray:
    """Width in pixels of every vertical edge of a float (H, W) picture in 0..255; 0 where there is none.

    The width is the way from the edge to the local extremum on its left plus the way to the one on its right.
    """
    gradient_y, gradient_x = np.gradient(grey)
    # Where gradient_x is 0 the original leaves the angle at 0, i.e. takes the edge for a rising one.
    angle = np.where(gradient_x != 0, np.degrees(np.arctan2(gradient_y, gradient_x)), 0.0)
    direction = 45 * np.round(angle / 45)
    step = np.diff(grey, axis=1)
    rising, falling = _walks(step > 0), _walks(step < 0)
    widths = np.where(direction == 0, rising, np.where(np.abs(direction) == 180, falling, 0))
    widths = widths * _vertical_edges(grey)
    widths[[0, -1]] = 0
    widths[:, [0, -1]] = 0
    return widths


def _walks(moves_on: np.ndarray) -> np.ndarray:
    """Per pixel: steps leftwards from its left neighbour plus steps rightwards from its right one, as long as
    `moves_on` holds.

    `moves_on[:, j]` tells whether the grey value keeps its trend between columns j and j + 1.
    """
    rows, steps = moves_on.shape
    position = np.arange(steps)
    last_stop = np.maximum.accumulate(np.where(moves_on, -1, position), axis=1)
    next_stop = np.minimum.accumulate(np.where(moves_on, steps, position)[:, ::-1], axis=1)[:, ::-1]
    leftwards, rightwards = (
        position - last_stop,
        next_stop - position,
    )  # run of true steps that ends / starts at each step
    walks = np.zeros((rows, steps + 1), dtype=np.int64)
    # From column c: left run ends at step c - 2 (between c - 2 and c - 1), right run starts at step c + 1.
    walks[:, 2:] += np.minimum(leftwards[:, : steps - 1], LONGEST_WALK)
    walks[:, : steps - 1] += np.minimum(rightwards[:, 1:], LONGEST_WALK)
    return walks + 2


def _vertical_edges(grey: np.ndarray) -> np.ndarray:
    """Boolean (H, W): thinned Sobel edges across the horizontal direction, threshold of GNU Octave's `edge`."""
    strength = np.square(cv2.filter2D(grey, cv2.CV_64F, _VERTICAL_SOBEL, borderType=cv2.BORDER_REFLECT))
    strength[strength <= 2 * np.sqrt(np.mean(strength))] = 0
    padded = np.pad(strength, 1)
    peak_x = (strength > padded[1:-1, :-2]) & (strength > padded[1:-1, 2:])
    peak_y = (strength > padded[:-2, 1:-1]) & (strength > padded[2:, 1:-1])
    return peak_x | peak_y
