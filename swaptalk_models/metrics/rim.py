"""Rim ratio: whether a swap leaves an edge where the swapped face meets what was kept of the target.

Definition along the jaw from ear to ear, brightness is followed from just outside the jaw's line inwards; the steepest step on each way is
           taken. The ratio is the mean of these steps over that of the target's own frame at the same places. Swaps are pasted first.
Units      1: no edge is added, above: hard contrast or a seam, below: the rim is blurred. Read it beside a re-encoded target's.
Source     ours; the same idea as ``seam_ratio`` of the VQGAN. Swaps by cut and paste show their fault there ("hard contrast at the rim").
Excludes   the forehead, whose rim is hair; nothing else.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.faces.landmarks import interocular

_WAYS = 64
_FROM, _TO, _SAMPLES = -0.05, 0.3, 8  # shares of the distance between the eyes: the teacher's soft mask ends within
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def rim_ratio(made: np.ndarray, target: np.ndarray, landmarks: np.ndarray) -> float:
    """Crops (N, S, S, 3) uint8 RGB, made from the target's crops of the same shape with landmarks (N, 68, 2) in their pixels: 0 and up."""
    assert made.shape == target.shape and len(landmarks) == len(made)
    steps = np.array(
        [[_steepest(image, points) for image in pair] for *pair, points in zip(made, target, landmarks, strict=True)]
    )
    return float(steps[:, 0].mean() / max(steps[:, 1].mean(), 1e-6))


def _steepest(image: np.ndarray, points: np.ndarray) -> float:
    """Mean over the ways of the steepest step in brightness, 0 to 255."""
    jaw = points[:17].astype(np.float32)
    place = np.linspace(0, 16, _WAYS)
    on_jaw = np.stack([np.interp(place, np.arange(17), jaw[:, axis]) for axis in (0, 1)], axis=1)
    inwards = points[30] - on_jaw
    inwards /= np.maximum(np.linalg.norm(inwards, axis=1, keepdims=True), 1e-6)
    distance = np.linspace(_FROM, _TO, _SAMPLES) * interocular(points[None])[0]
    sampled = (on_jaw[:, None] + distance[None, :, None] * inwards[:, None]).astype(np.float32)
    bright = cv2.remap(
        image @ _GREY, sampled[..., 0], sampled[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return float(np.abs(np.diff(bright, axis=1)).max(axis=1).mean())
