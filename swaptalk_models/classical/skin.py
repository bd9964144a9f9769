"""Where a picture shows skin, and what is unlike it."""

from __future__ import annotations

import cv2
import numpy as np

_FOREHEAD_UP = 0.55  # height of the forehead points above the brows, in distances of the eyes


def with_forehead(shape: np.ndarray) -> np.ndarray:
    """68 landmarks and ten of the forehead: the brows' line moved up along the face, (78, 2)."""
    eyes = float(np.linalg.norm(shape[36:42].mean(axis=0) - shape[42:48].mean(axis=0)))
    down = shape[31:36].mean(axis=0) - (shape[39] + shape[42]) / 2
    up = -down * (_FOREHEAD_UP * eyes / max(float(np.linalg.norm(down)), 1e-6))
    return np.concatenate([shape, shape[17:27] + up]).astype(np.float32)


def feature_zone(brows: np.ndarray, height: int, width: int, lift: float) -> np.ndarray:
    """(height, width) float32: 1 from ``lift`` px above the brows (N, 2) down, where a face is itself whatever its colour; 0 above and beside."""
    left, right = brows[:, 0].min() - lift, brows[:, 0].max() + lift
    zone = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(zone, convex(np.concatenate([brows - [0, lift], [[left, height], [right, height]]])), 1)
    return zone


def skin_polygon(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """bool mask (H, W) of cheeks and nose: face that is neither feature nor, as a rule, hair or beard."""
    mask = np.zeros(size, np.uint8)
    below_eye = 0.5 * (points[29] - points[28])
    for jaw, nostril, lid in (((1, 2, 3), 31, (41, 40)), ((15, 14, 13), 35, (46, 47))):
        off_rim = points[list(jaw)] + 0.25 * (points[30] - points[list(jaw)])
        cheek = np.concatenate([off_rim, points[[nostril, 28]], points[list(lid)] + below_eye])
        cv2.fillConvexPoly(mask, convex(cheek), 1)
    return mask > 0


def skin_statistics(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and robust spread of the skin's RGB values, float32 (3,) each."""
    skin = skin_polygon(np.asarray(points), image.shape[:2])
    values = (image[skin] if skin.any() else image.reshape(-1, 3)).astype(np.float32)
    centre = np.median(values, axis=0)
    return centre, 1.48 * np.median(np.abs(values - centre), axis=0) + 1


def unlike_skin_of(image: np.ndarray, skin: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """How far each pixel of (size, size, 3) is from the colour of skin, against how far skin varies, 0 to 1."""
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.float32)
    ratio = np.abs(np.log((small + 8) / (skin + 8)).astype(np.float32))
    usual = np.maximum(2.5 * spread / (skin + 8), 0.22).astype(np.float32)
    far = np.clip((ratio / usual).max(axis=-1) - 1, 0, 1)
    far = cv2.morphologyEx(far, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return cv2.resize(far, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)


def convex(points: np.ndarray) -> np.ndarray:
    """The convex hull of points (N, 2), as cv2 draws it."""
    return cv2.convexHull(np.round(points).astype(np.int32))
