"""classical/beard.py: a beard is told from skin, shadows and hair, and made stubble."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.beard import beard, trimmed
from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer

STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
SIZE, SKIN, HAIR = 300, (205, 160, 130), (70, 50, 40)


def face() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grainy skin with brows, eyes and lips; its landmarks; and where a beard would grow, bool."""
    points = template_landmarks(SIZE).astype(np.float32)
    fixed = np.round(points).astype(np.int32)
    image = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    for brow in (fixed[17:22], fixed[22:27]):
        cv2.polylines(image, [brow], False, (50, 35, 25), 6)
    for eye in (fixed[36:42], fixed[42:48]):
        cv2.fillPoly(image, [eye], (30, 30, 40))
    cv2.fillPoly(image, [fixed[48:60]], (180, 60, 70))
    where, lips = np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(where, [np.concatenate([fixed[3:14], fixed[[54, 35, 33, 31, 48]]])], 1)
    cv2.fillPoly(lips, [fixed[48:60]], 1)
    grain = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8), points, (where > 0) & (lips == 0)


def bearded() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image, points, where = face()
    hairs = np.random.default_rng(1).normal(0, 12, (SIZE, SIZE, 1))
    return np.where(where[..., None], np.clip(HAIR + hairs, 0, 255).astype(np.uint8), image), points, where


def test_a_beard_is_seen_from_the_mouth_down():
    image, points, _ = bearded()
    found = beard(image, points)
    assert found[int(points[48, 1]) + 2 :].min() > 0.9 and found[: int(points[33, 1]) - 1].max() == 0
    assert not beard(*face()[:2]).any()


def test_hair_and_shadow_at_the_jaw_are_none():
    image, points, _ = face()
    image[int(points[4, 1]) :] = (0.6 * image[int(points[4, 1]) :]).astype(np.uint8)
    image[:, : int(points[3, 0]) + 20] = HAIR
    assert not beard(image, points).any()
    assert trimmed(image, points) is image


@pytest.mark.parametrize("number", range(8))
def test_drawn_people_without_beards_stay_as_they_are(number):
    person = make_person(number)
    image, landmarks = Renderer(person, size=256).frame(STILL)
    if person.beard not in ("full", "moustache"):
        assert trimmed(image, landmarks) is image


def test_a_beard_becomes_stubble():
    image, points, where = bearded()
    made = trimmed(image, points)
    inside = cv2.erode((where & (beard(image, points) > 0.99)).astype(np.uint8), np.ones((9, 9))) > 0
    lack, left = (np.mean(SKIN) - picture[inside].mean() for picture in (image, made))
    assert lack > 90 and 0.2 * lack < left < 0.65 * lack
    lips = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(lips, [np.round(points[48:60]).astype(np.int32)], 1)
    assert np.array_equal(made[lips > 0], image[lips > 0])
    assert np.array_equal(made[: int(points[30, 1])], image[: int(points[30, 1])])
