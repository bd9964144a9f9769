"""A drawn face on the template's landmarks, and the faults that a made face may have. No person is in it."""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.metrics.face_areas import SKIN, face_areas


def drawn_face(size: int = 256, frame: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A crop (size, size, 3) uint8 RGB with pores and light from the left, and its landmarks (68, 2)."""
    scale = 2
    points = template_landmarks(size)
    fine = (points + 0.5) * scale - 0.5
    side = size * scale
    y, x = np.mgrid[:side, :side] / side
    canvas = np.float32([70, 90, 130]) * np.ones((side, side, 1), np.float32)
    centre, radius = np.array([0.5, 0.52]), np.array([0.36, 0.5])
    face = np.square((x - centre[0]) / radius[0]) + np.square((y - centre[1]) / radius[1]) < 1
    canvas[face] = (np.float32([196, 150, 122]) * (1.05 - 0.35 * x[..., None] - 0.1 * y[..., None])).astype(np.float32)[
        face
    ]
    eyes = np.linalg.norm(fine[36:42].mean(axis=0) - fine[42:48].mean(axis=0))

    def stroke(which: slice | list[int], colour: tuple[int, ...], width: float, closed: bool = False) -> None:
        cv2.polylines(
            canvas, [np.round(fine[which]).astype(np.int32)], closed, colour, max(1, round(width * eyes)), cv2.LINE_AA
        )

    for brow in (slice(17, 22), slice(22, 27)):
        stroke(brow, (70, 50, 40), 0.08)
    for eye in (slice(36, 42), slice(42, 48)):
        cv2.fillPoly(canvas, [np.round(fine[eye]).astype(np.int32)], (225, 220, 215), cv2.LINE_AA)
        cv2.circle(
            canvas,
            tuple(int(v) for v in fine[eye].mean(axis=0)),
            max(1, round(0.06 * eyes)),
            (50, 40, 35),
            -1,
            cv2.LINE_AA,
        )
        stroke(eye, (60, 45, 40), 0.02, closed=True)
    stroke([31, 32, 33, 34, 35], (120, 80, 65), 0.03)
    stroke([27, 28, 29, 30], (185, 140, 115), 0.03)
    cv2.fillPoly(canvas, [np.round(fine[48:60]).astype(np.int32)], (165, 85, 85), cv2.LINE_AA)
    stroke(slice(60, 68), (70, 30, 30), 0.02, closed=True)
    rng = np.random.default_rng(frame)
    for grain, strength in ((side / 160, 6.0), (side / 60, 10.0), (side / 15, 20.0)):
        pores = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), grain)
        canvas += strength / 4 * (pores / pores.std())[..., None]
    return cv2.resize(np.clip(canvas, 0, 255), (size, size), interpolation=cv2.INTER_AREA).round().astype(
        np.uint8
    ), points


def tiled(image: np.ndarray, cells: int = 16, strength: float = 4.0, frame: int = 0) -> np.ndarray:
    """Every cell misses its brightness by a little."""
    misses = np.random.default_rng(100 + frame).normal(0, strength, (cells, cells, 1)).repeat(3, axis=2)
    return _added(image, cv2.resize(misses, image.shape[:2], interpolation=cv2.INTER_NEAREST))


def blurred(image: np.ndarray, sigma: float = 1 / 170) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma * len(image))


def noisy(image: np.ndarray, strength: float = 6.0, frame: int = 0) -> np.ndarray:
    return _added(image, np.random.default_rng(200 + frame).normal(0, strength, image.shape))


def blotched(image: np.ndarray, strength: float = 11.0, frame: int = 0) -> np.ndarray:
    """Soft patches a tenth of the crop wide, too dark or too bright, and a little off in colour."""
    rng = np.random.default_rng(300 + frame)
    patches = rng.normal(0, strength, (11, 11, 1)) + rng.normal(0, strength / 6, (11, 11, 3))
    return _added(image, cv2.resize(patches, image.shape[:2], interpolation=cv2.INTER_CUBIC))


def glinting(image: np.ndarray, points: np.ndarray, frame: int = 0) -> np.ndarray:
    """White specks, a hundredth of the skin."""
    return _specked(image, points, (255, 255, 255), 400 + frame)


def crumbed(image: np.ndarray, points: np.ndarray, frame: int = 0) -> np.ndarray:
    """Violet specks, a hundredth of the skin, as bright as it."""
    return _specked(image, points, (170, 110, 215), 500 + frame)


def relit(image: np.ndarray) -> np.ndarray:
    """Other light, no fault: from the right, and warmer."""
    x = np.linspace(0, 1, len(image))[None, :, None]
    return np.clip(image * (0.75 + 0.4 * x) * np.array([1.08, 1.0, 0.93]), 0, 255).round().astype(np.uint8)


def _specked(image: np.ndarray, points: np.ndarray, colour: tuple[int, ...], seed: int) -> np.ndarray:
    skin = np.argwhere(face_areas(points, len(image)) == SKIN)
    radius = max(1, round(len(image) / 128))
    count = max(1, round(0.01 * len(skin) / (np.pi * radius**2)))
    out = image.copy()
    for y, x in np.random.default_rng(seed).permutation(skin)[:count]:
        cv2.circle(out, (int(x), int(y)), radius, colour, -1)
    return out


def _added(image: np.ndarray, change: np.ndarray) -> np.ndarray:
    return np.clip(image + change, 0, 255).round().astype(np.uint8)
