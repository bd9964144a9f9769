"""Lips of the source's own picture on a swapped face, in the shape that lip-sync has given them.

What a network makes of a sound is the mean of all lips that may go with it, and a mean is blurred. Where the lips are it says well. So the swapped face, as it
was before anybody spoke, is bent until its mouth lies where the spoken one does (``bend_mouth``), and the ring between outer and inner contour is
taken from the source's picture, bent by triangles (``add_lips``). What is between the lips: mouth_inside.py.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from swaptalk_models.classical.outline import GRID, bent
from swaptalk_models.classical.skin import with_forehead
from swaptalk_models.classical.warp_swap import places_by_triangles

MOUTH, OUTER, INNER = slice(48, 68), slice(48, 60), slice(60, 68)
STEADY = 1.0
"""Sigma (frames) of the Gaussian over the contours of a batch."""
_STILL = np.r_[0:17, 27:48]  # jaw, nose and eyes stay where they are when the mouth is bent
_CHIN = ((59, 6), (58, 7), (57, 8), (56, 9), (55, 10))  # lower lip and the jaw below it
_CHIN_AT, _CHIN_SHARE = (
    0.55,
    0.5,
)  # how far down between the two the chin's skin is taken, and how much of the lip's way it goes
_SMOOTH = 1e-4
# Inner edge and the outer one across the lip.
_THROUGH_LIPS = ((61, 50), (62, 51), (63, 52), (65, 56), (66, 57), (67, 58))
_INWARD = 0.25  # of the lip's thickness
_CLOSED, _PARTED = 0.05, 0.15  # of the mouth's width: lips that are closed, and that show teeth
# Of the crop's side: how wide a crease is, and the gap without one; and how deep it is.
_CREASE, _CREASE_UNTIL, _DARKER = 0.006, 0.02, 0.5
_ROOM = 0.35  # of the mouth's width around it: the window that is reckoned
_SOFT_OUTER, _SOFT_INNER = 0.011, 0.006  # of the crop's side: how wide the ring's borders fade


def bend_mouth(face: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """A face (R, R, 3) uint8 whose outer lips lie at landmarks ``before`` (68, 2), bent so that they lie at ``after``; jaw, nose and eyes stay.

    A thin-plate spline, as in outline.py: skin round a mouth stretches smoothly. The inner contour is left to the ring: lips that part are a tear.
    """
    size = len(face)
    lip, jaw = (before[list(part)] for part in zip(*_CHIN, strict=True))
    chin = lip + _CHIN_AT * (jaw - lip)
    way = _CHIN_SHARE * (after - before)[[lip for lip, _ in _CHIN]]
    rim = np.array([(x, y) for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)], np.float32) * size
    here = np.concatenate([before[_STILL], before[OUTER], chin, rim]) / size
    there = np.concatenate([before[_STILL], after[OUTER], chin + way, rim]) / size
    spline = RBFInterpolator(there, here - there, kernel="thin_plate_spline", smoothing=_SMOOTH)
    steps = np.linspace(0, 1, GRID)
    shift = spline(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)).astype(np.float32)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    return bent(face, shift.reshape(GRID, GRID, 2), np.stack([x, y], axis=-1))


def add_lips(face: np.ndarray, picture: np.ndarray, landmarks: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """A face with the picture's lips, (R, R, 3) uint8.

    Args:
        face: (R, R, 3) uint8.
        picture: (R, R, 3) uint8, the source in the target's light, aligned; or of another size.
        landmarks: (68, 2) in the picture's pixels.
        shape: (68, 2) in the face's pixels: its landmarks, the mouth's where the lips are to be.
    """
    width = float(np.ptp(shape[OUTER, 0]))
    low = np.floor(shape[MOUTH].min(axis=0) - _ROOM * width).astype(int).clip(0, len(face))
    high = np.ceil(shape[MOUTH].max(axis=0) + _ROOM * width).astype(int).clip(0, len(face))
    side = int((high - low).max(initial=0))
    if width < 4 or side < 4 or (high <= low).any():
        return face
    opened = _how_open(landmarks)
    flesh = _without_teeth(landmarks, opened)
    place = places_by_triangles(with_forehead(flesh), with_forehead(shape) - low.astype(np.float32), side)
    place = place[: high[1] - low[1], : high[0] - low[0]]
    lips = cv2.remap(picture, place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)  # type: ignore[call-overload]  # the stub wants two maps
    window = np.s_[low[1] : high[1], low[0] : high[0]]
    under = face[window].astype(np.float32)
    outer, inner = (filled(shape[part] - low, under.shape[:2]) for part in (OUTER, INNER))
    weight = softened(outer, _SOFT_OUTER * len(face)) * (1 - softened(inner, _SOFT_INNER * len(face)))
    blended = under + weight[..., None] * (lips - under)
    blended *= 1 - opened * _crease(shape, low, under.shape[:2], len(face))[..., None]
    result = face.copy()
    result[window] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    return result


def _how_open(landmarks: np.ndarray) -> float:
    """Whether a picture's lips are parted so far that teeth stand at their edges: 0 to 1."""
    upper, lower = landmarks[[61, 62, 63]].mean(axis=0), landmarks[[65, 66, 67]].mean(axis=0)
    width = max(float(np.linalg.norm(landmarks[64] - landmarks[60])), 1e-3)
    return float(np.clip((np.linalg.norm(lower - upper) / width - _CLOSED) / (_PARTED - _CLOSED), 0, 1))


def _without_teeth(landmarks: np.ndarray, opened: float) -> np.ndarray:
    """Landmarks (68, 2) of a picture whose inner contour lies on the lips and not at the edge of what is between them, which a detector hits to a pixel or two."""
    points = np.array(landmarks, np.float32)
    inner, outer = (list(part) for part in zip(*_THROUGH_LIPS, strict=True))
    points[inner] += _INWARD * opened * (points[outer] - points[inner])
    return points


def _crease(shape: np.ndarray, low: np.ndarray, extent: tuple[int, ...], size: int) -> np.ndarray:
    """(H, W) float32: how much darker it is where closed lips meet, which a picture with parted ones does not show; 0 of parted ones."""
    upper, lower = shape[[60, 61, 62, 63, 64]], shape[[60, 67, 66, 65, 64]]
    gap = float(np.linalg.norm(shape[66] - shape[62])) / size
    line = np.zeros(extent, np.float32)
    points = np.round(((upper + lower) / 2 - low) * 16).astype(np.int32)
    cv2.polylines(line, [points], False, 1.0, max(1, round(_CREASE * size)), cv2.LINE_AA, shift=4)
    return np.asarray(_DARKER * max(0.0, 1 - gap / _CREASE_UNTIL) * softened(line, _CREASE * size), np.float32)


def filled(points: np.ndarray, extent: tuple[int, ...]) -> np.ndarray:
    """A polygon (N, 2) in pixels, (H, W) float32 of 0 and 1."""
    mask = np.zeros(extent, np.float32)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, shift=4)
    return mask


def softened(mask: np.ndarray, sigma: float) -> np.ndarray:
    """A mask after a Gaussian of ``sigma`` px."""
    return cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3))
