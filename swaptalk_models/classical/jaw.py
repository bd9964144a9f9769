"""A jaw that goes with the lips.

The head that a face is put on goes on talking its own words with its jaw, while the lips say others: a chin that drops below closed lips is seen, and the eye, like any
detector of landmarks, takes it for an open mouth. So the finished frame's chin is moved to where it would be if that head's mouth were as far open
as the one that was made; the neck below gives way.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from swaptalk_models.classical.lips import OUTER
from swaptalk_models.data.faces.landmarks import interocular

DROP = 0.55
"""How far a chin drops for each length that lips part: near the mean of eight real heads, 0.58 (0.19 to 0.97)."""
_LEAST = 0.004  # of the eyes' distance: less is not seen
_MOST = 0.25  # the same: no chin is moved further, lest a slip of the detector crease the neck
_JAW = np.arange(3, 14)
# Of the chin's way: its hinge is at the ears.
_GOES_ALONG = np.array([0.1, 0.3, 0.6, 0.85, 0.97, 1.0, 0.97, 0.85, 0.6, 0.3, 0.1], np.float32)
_STAYS = np.r_[0:3, 14:17, 27:48]
_NECK = (0.7, 1.1)  # of the eyes' distance below the jaw: from there on nothing moves
_GRID = 24  # points a side on which the bending is reckoned
_FROM_RIM = np.minimum(np.arange(_GRID), np.arange(_GRID)[::-1])
# A spline does not wholly keep the rim where it is.
_FADING = np.clip(np.minimum.outer(_FROM_RIM, _FROM_RIM) / 2, 0, 1).astype(np.float32)


def with_chin(frame: np.ndarray, landmarks: np.ndarray, apart: float) -> np.ndarray:
    """A frame (H, W, 3) uint8 whose face's chin is moved; itself where there is nothing to move.

    Args:
        landmarks: (68, 2) of the face in its pixels, the mouth's where it is now.
        apart: how much further (less: below 0) lips are parted than those that the chin goes with, of the eyes' distance.
    """
    eyes = float(interocular(landmarks[None])[0])
    way = DROP * eyes * float(np.clip(apart, -_MOST / DROP, _MOST / DROP))
    if abs(way) < _LEAST * eyes or eyes < 4:
        return frame
    points = np.asarray(landmarks, np.float32)
    down = points[8] - points[27]
    down = down / max(float(np.linalg.norm(down)), 1e-3)
    jaw = points[_JAW]
    neck = np.concatenate([jaw[2:-2] + share * eyes * down for share in _NECK])
    low = np.floor(np.minimum(points.min(axis=0), neck.min(axis=0)) - 0.5 * eyes).astype(int).clip(0)
    high = np.ceil(np.maximum(points.max(axis=0), neck.max(axis=0)) + 0.5 * eyes).astype(int)
    high = np.minimum(high, [frame.shape[1], frame.shape[0]])
    low[1] = min(max(low[1], int(points[33, 1] - 0.5 * eyes)), int(high[1]))  # above the nose nothing moves
    extent = high - low
    if (extent < 8).any():
        return frame
    rim = (
        low + np.array([(x, y) for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)], np.float32) * extent
    )
    fixed = np.concatenate([points[_STAYS], points[OUTER], neck, rim])
    moved = jaw + way * _GOES_ALONG[:, None] * down
    here, there = np.concatenate([fixed, jaw]), np.concatenate([fixed, moved])
    spline = RBFInterpolator(there / eyes, (here - there) / eyes, kernel="thin_plate_spline", smoothing=1e-4)
    x, y = (np.linspace(low[axis], high[axis] - 1, _GRID) for axis in (0, 1))
    shift = (eyes * spline(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2) / eyes)).astype(np.float32)
    shift = shift.reshape(_GRID, _GRID, 2) * _FADING[..., None]
    row, column = np.mgrid[0 : extent[1], 0 : extent[0]].astype(np.float32)
    steps = np.stack([column * ((_GRID - 1) / (extent[0] - 1)), row * ((_GRID - 1) / (extent[1] - 1))], axis=-1)
    shift = cv2.remap(shift, steps.astype(np.float32), None, cv2.INTER_LINEAR)  # type: ignore[call-overload]  # the stub wants two maps
    place = shift + np.stack([column, row], axis=-1)
    window = np.s_[low[1] : high[1], low[0] : high[0]]
    result = frame.copy()
    result[window] = cv2.remap(frame[window], place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return result
