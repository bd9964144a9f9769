"""Which part of the face a pixel or a latent token belongs to: the semantic embedding of the face swapper."""

from __future__ import annotations

import cv2
import numpy as np

REGIONS = ("background", "skin", "brow", "eye", "nose", "lip")
"""Names of the labels, in order; "background" holds hair, neck and everything else that is not face."""

_SKIN = 1
_SHIFT = 4  # cv2 draws polygons in fixed point: 4 bits are a sixteenth of a pixel


def region_labels(landmarks: np.ndarray, size: int, grid: int) -> np.ndarray:
    """Label map uint8 (grid, grid), indices into REGIONS, from landmarks (68, 2) in pixels of a crop of side `size`."""
    fine = 4 * grid
    points = (np.asarray(landmarks, np.float32) + 0.5) * np.float32(fine / size) - 0.5
    labels = np.zeros((fine, fine), np.uint8)
    eye_distance = float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))

    # The 68 points end at the brows: the forehead is their line moved up, along the face, by half the eyes' distance.
    up = points[27] - points[30]
    up *= 0.5 * eye_distance / max(float(np.linalg.norm(up)), 1e-6)
    _fill(labels, np.concatenate([points[:17], points[17:27] + up]), _SKIN, hull=True)
    for brow in (points[17:22], points[22:27]):
        cv2.polylines(labels, [_fixed(brow)], False, 2, max(1, round(0.14 * eye_distance)), shift=_SHIFT)
    for eye in (points[36:42], points[42:48]):
        # a little larger than the lids' line, lashes included, so that a blink does not empty the region
        _fill(labels, eye, 3, hull=True, thickness=max(1, round(0.12 * eye_distance)))
    _fill(labels, points[[27, 31, 32, 33, 34, 35]], 4, hull=True, thickness=max(1, round(0.06 * eye_distance)))
    _fill(labels, points[48:60], 5)
    return downsample_labels(labels, grid)


def downsample_labels(labels: np.ndarray, grid: int, share: float = 0.15) -> np.ndarray:
    """A label map (S, S), S a multiple of `grid`, brought to uint8 (grid, grid).

    The commonest of brow, eye, nose and lip wins a cell where these together cover at least `share` of it; else skin or
    background does, whichever is commoner. ValueError: S is no multiple of `grid`.
    """
    labels = np.asarray(labels)
    if labels.shape[0] % grid or labels.shape[0] != labels.shape[1]:
        raise ValueError(f"a label map of shape {labels.shape} does not divide into {grid} x {grid} cells")
    cell = labels.shape[0] // grid
    kinds, place = len(REGIONS), np.arange(grid)
    first = kinds * (grid * place[:, None, None, None] + place[:, None])  # of each cell's counts
    numbers = (first + labels.reshape(grid, cell, grid, cell)).ravel()
    counts = np.bincount(numbers, minlength=kinds * grid * grid).reshape(grid, grid, kinds)
    parts = counts[..., 2:]
    small = parts.sum(axis=-1) >= share * cell * cell
    return np.where(small, parts.argmax(axis=-1) + 2, counts[..., :2].argmax(axis=-1)).astype(np.uint8)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * 2**_SHIFT).astype(np.int32).reshape(-1, 1, 2)


def _fill(labels: np.ndarray, points: np.ndarray, label: int, hull: bool = False, thickness: int = 0) -> None:
    polygon = _fixed(points)
    if hull:
        polygon = cv2.convexHull(polygon)
    cv2.fillPoly(labels, [polygon], label, shift=_SHIFT)
    if thickness:
        cv2.polylines(labels, [polygon], True, label, thickness, shift=_SHIFT)
