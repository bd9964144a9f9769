"""classical/mouth_inside.py: teeth that hang from the upper lip."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.lips import INNER
from swaptalk_models.classical.mouth_inside import OPEN, MouthInside, parted
from swaptalk_models.data.faces.alignment import template_landmarks

SIZE = 192
TEETH, DARK, SKIN = (230, 225, 210), (40, 20, 20), (200, 170, 150)
TEETH_HIGH = 7


def opened(by: float) -> np.ndarray:
    """Lips ``by`` px apart."""
    points = template_landmarks(SIZE, -0.06)
    y = points[INNER, 1].mean()
    points[[60, 64], 1] = y
    points[[61, 62, 63], 1] = y - 2
    points[[65, 66, 67], 1] = y - 2 + by
    return points


def a_mouth(points: np.ndarray) -> np.ndarray:
    """Teeth under the upper lip, dark below them."""
    image = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    inside = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(inside, [np.round(points[INNER]).astype(np.int32)], 1)
    image[inside > 0] = DARK
    rows = np.arange(SIZE)[:, None] < points[62, 1] + TEETH_HIGH
    image[(inside > 0) & rows] = TEETH
    return image


WIDE = opened(28)
INSIDE = MouthInside(a_mouth(WIDE), WIDE)


def height_of_teeth(image: np.ndarray, points: np.ndarray) -> int:
    column = image[int(points[62, 1]) : int(points[66, 1]) + 1, int(points[62, 0])].astype(int)
    return int((column.mean(axis=1) > 100).sum())


def test_a_mouth_that_opens_less_shows_less_of_the_same():
    closed = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    half, full = INSIDE.put(closed, opened(14)), INSIDE.put(closed, WIDE)
    assert height_of_teeth(half, opened(14)) == pytest.approx(height_of_teeth(full, WIDE), abs=2), "not squeezed"
    y, x = np.round(opened(14)[66]).astype(int)[::-1]
    assert half[y - 3, x].mean() < 80, "the dark below the teeth is cut off by the lower lip"
    outside = np.ones((SIZE, SIZE), np.uint8)
    cv2.fillPoly(outside, [np.round(opened(14)[INNER]).astype(np.int32)], 0)
    outside = cv2.erode(outside, np.ones((11, 11))) > 0
    assert np.array_equal(half[outside], closed[outside])


def test_a_mouth_that_opens_wider_is_filled():
    wider = opened(40)
    image = INSIDE.put(np.full((SIZE, SIZE, 3), SKIN, np.uint8), wider)
    column = image[int(wider[62, 1]) + 3 : int(wider[66, 1]) - 3, int(wider[62, 0])].astype(int)
    assert np.abs(column - SKIN).max(axis=1).min() > 20, "no skin between the lips"


@pytest.mark.parametrize("away", [np.zeros(2), np.array([10 * SIZE, 0])], ids=["closed", "beyond the crop"])
def test_closed_lips_and_lips_beyond_the_crop_are_left_alone(away):
    face = a_mouth(WIDE)
    shape = opened(0 if not away.any() else 20) + away.astype(np.float32)
    assert np.array_equal(INSIDE.put(face, shape), face)


def test_it_turns_with_the_lips():
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    middle = WIDE[INNER].mean(axis=0)
    shape = ((WIDE - middle) @ turn.T + middle).astype(np.float32)
    affine = np.concatenate([turn, (middle - turn @ middle)[:, None]], axis=1)
    wanted = cv2.warpAffine(a_mouth(WIDE), affine, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderValue=SKIN)
    seen = INSIDE.put(np.full((SIZE, SIZE, 3), SKIN, np.uint8), shape)
    x, y = np.round(shape[62] + 3 * turn @ np.array([0, 1])).astype(int)
    assert np.abs(seen[y, x].astype(int) - wanted[y, x]).max() < 90 and seen[y, x].mean() > 120, "teeth"
    x, y = np.round(shape[66] - 5 * turn @ np.array([0, 1])).astype(int)
    assert seen[y, x].mean() < 60, "dark"


def test_how_far_lips_are_parted():
    assert parted(np.stack([opened(0), WIDE])) == pytest.approx([0, 28 / np.ptp(WIDE[INNER, 0])], abs=0.01)
    assert parted(WIDE[None])[0] > OPEN
