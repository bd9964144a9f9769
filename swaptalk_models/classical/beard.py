"""A beard: whether a face has one, and what is left of it on another's jaw.

A beard ends where its owner's jaw does. On a target that has none it is cut off at the swapped face's border, and around the mouth, which is another's:
what is left are dark patches on the cheeks. `trimmed` makes stubble of it, whose border is hardly seen.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.classical.light import Light, skin_field
from swaptalk_models.classical.skin import convex

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LIP, _JAW = 0.88, 0.9  # of the skin's brightness: where a beard grows there is less
_TRIMMED = 0.6  # how much of a beard's own darkness goes, and of its hairs
_DARK = 0.15  # share of the skin's brightness that a beard takes at least
_FADED = 2.5  # the most that it is made lighter by
# In shares of the face, its largest extent in landmarks.
_BROAD = 0.03  # sigma: what is finer are hairs
_ROOM = 0.015  # around the lips, which stay, and around the face
_SOFT = 0.015  # sigma of the borders


def beard(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where a beard may be: (H, W) float32, from 0 at the nose to 1 from the mouth's corners on down, if one grows there; else 0 all over.

    It is told by what is darker than skin in the face's light: the upper lip, and both sides of the jaw. Shadows, and hair that frames a face, leave the
    lip bright.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: landmarks (68, 2) in its pixels.
    """
    height, width = image.shape[:2]
    level = image @ _LUMA / np.maximum(skin_field(Light.measure(image, points), points, height, width) @ _LUMA, 1)
    nose, lip = points[31:36], points[49:54]
    places = [np.concatenate([nose + 0.25 * (lip - nose), (lip + 0.1 * (nose - lip))[::-1]])]
    for jaw, corner in (([3, 4, 5, 6], [59, 48]), ([13, 12, 11, 10], [55, 54])):
        inner = points[jaw] + 0.1 * (points[33] - points[jaw])
        places.append(np.concatenate([inner, points[corner] + 0.25 * (points[corner] - points[62])]))
    if any(_median(level, place) > most for place, most in zip(places, (_LIP, _JAW, _JAW), strict=True)):
        return np.zeros((height, width), np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    down = points[[48, 54]].mean(axis=0) - points[33]
    below = ((x - points[33, 0]) * down[0] + (y - points[33, 1]) * down[1]) / max(float(down @ down), 1e-6)
    return np.clip(below, 0, 1)


def trimmed(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 with its face's beard, if there is one, made stubble. ``landmarks``: (68, 2) in its pixels."""
    points = np.asarray(landmarks, np.float32)
    where = beard(image, points)
    if not where.any():
        return image
    height, width = image.shape[:2]
    size = float(np.ptp(points, axis=0).max())
    face, around_lips = (_filled(height, width, part, _ROOM * size) for part in (points, points[48:60]))
    open_to_view = cv2.GaussianBlur(where * face * (1 - around_lips), (0, 0), _SOFT * size) * (1 - around_lips)
    # The mean over what is no lip: their red is not of the skin beside them.
    mean = cv2.GaussianBlur(image * (1 - around_lips)[..., None], (0, 0), _BROAD * size)
    mean = mean / np.maximum(cv2.GaussianBlur(1 - around_lips, (0, 0), _BROAD * size), 0.05)[..., None]
    skin = skin_field(Light.measure(image, points), points, height, width)
    dark = np.clip((1 - mean @ _LUMA / np.maximum(skin @ _LUMA, 1)) / _DARK, 0, 1)
    share = (_TRIMMED * open_to_view * dark)[..., None]
    lighter = np.clip(skin / np.maximum(mean, 1), 1, _FADED) ** share
    return np.clip(np.rint(mean * lighter + (image - mean) * (1 - share)), 0, 255).astype(np.uint8)


def _filled(height: int, width: int, points: np.ndarray, room: float) -> np.ndarray:
    """(height, width) float32, 1 on the convex hull of points (N, 2) and ``room`` px around it."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, convex(points), 1)
    side = 2 * round(room) + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))).astype(np.float32)


def _median(values: np.ndarray, outline: np.ndarray) -> float:
    """Of what lies within an outline (N, 2); infinite if nothing does."""
    mask = np.zeros(values.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    return float(np.median(values[mask > 0])) if mask.any() else np.inf
