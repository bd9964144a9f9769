"""classical/skin.py: hair over a face is painted over, and nothing else."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.skin import bare_face
from swaptalk_models.data.faces.alignment import template_landmarks

SIZE = 128
SKIN = (205, 160, 130)


def face(size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Grainy skin all over, dark brows, eyes and lips; its landmarks."""
    points = template_landmarks(size).astype(np.float32)
    fixed = np.round(points).astype(np.int32)
    image = np.full((size, size, 3), SKIN, np.uint8)
    for brow in (fixed[17:22], fixed[22:27]):
        cv2.polylines(image, [brow], False, (50, 35, 25), max(2, size // 50))
    for eye in (fixed[36:42], fixed[42:48]):
        cv2.fillPoly(image, [eye], (30, 30, 40))
    cv2.fillPoly(image, [fixed[48:60]], (180, 60, 70))
    grain = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8), points


def strand(image: np.ndarray, points: np.ndarray, x: float) -> np.ndarray:
    """A dark strand from the top edge down to just above the brows, at this share of the way from one brow's end to the other's."""
    image = image.copy()
    left, right = points[17], points[26]
    column = int(left[0] + x * (right[0] - left[0]))
    bottom = int(points[17:27, 1].min() - 0.06 * len(image))
    cv2.rectangle(image, (column - 4, 0), (column + 4, bottom), (25, 18, 15), -1)
    return image


@pytest.mark.parametrize("size", [64, SIZE, 300])
def test_a_strand_over_the_forehead_goes(size):
    image, points = face(size)
    with_hair = strand(image, points, 0.5)
    bare = bare_face(with_hair, points)
    brow = int(points[17:27, 1].min())
    zone = slice(int(brow - 0.14 * size), int(brow - 0.09 * size)), slice(int(0.42 * size), int(0.58 * size))
    assert np.abs(with_hair[zone].astype(float) - SKIN).max() > 100
    assert np.abs(bare[zone].astype(float) - SKIN).mean() < 12


def test_brows_eyes_and_mouth_stay_to_the_bit():
    image, points = face()
    with_hair = strand(image, points, 0.5)
    below = int(points[17:27, 1].max())
    inside = slice(below, SIZE), slice(int(points[17, 0]), int(points[26, 0]))
    assert np.array_equal(bare_face(with_hair, points)[inside], with_hair[inside])


def test_a_face_without_hair_keeps_its_grain():
    image, points = face()
    change = np.abs(bare_face(image, points).astype(float) - image)
    assert change.mean() < 0.5
