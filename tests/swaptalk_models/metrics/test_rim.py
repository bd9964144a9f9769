"""metrics/rim.py"""

import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.metrics.rim import rim_ratio

SIZE = 128
POINTS = template_landmarks(SIZE)


def face(inside: float, soft: float = 0.0) -> np.ndarray:
    """A bright disc of a face on darker ground; within the jaw's line, 0.12 eye distances from it, brightness differs by ``inside``."""
    eyes = np.linalg.norm(POINTS[36:42].mean(0) - POINTS[42:48].mean(0))
    towards = POINTS[:17] + 0.12 * eyes * (POINTS[30] - POINTS[:17]) / np.linalg.norm(
        POINTS[30] - POINTS[:17], axis=1, keepdims=True
    )
    image = np.full((SIZE, SIZE), 90.0)
    for outline, value in ((POINTS[:27], 110.0), (np.concatenate([towards, POINTS[17:27]]), 110.0 + inside)):
        cv2.fillConvexPoly(image, cv2.convexHull(np.round(outline).astype(np.int32)), value)
    image = cv2.GaussianBlur(image, (0, 0), soft) if soft else image
    return np.repeat(image.astype(np.uint8)[..., None], 3, axis=-1)


def ratio(made: np.ndarray) -> float:
    return rim_ratio(made[None], face(0)[None], POINTS[None])


def test_the_target_itself_adds_nothing():
    assert ratio(face(0)) == 1


def test_a_seam_shows_and_a_stronger_one_more():
    assert 1.5 < ratio(face(40)) < ratio(face(80))
    assert ratio(face(-40)) > 1.3, "darker is no better"


def test_a_blurred_rim_is_below_one():
    assert ratio(face(0, soft=4)) < 0.7


def test_what_happens_elsewhere_does_not_count():
    made = face(0)
    made[: SIZE // 4] = 255  # above the brows
    made[60:70, 60:68] = 0  # the nose
    assert ratio(made) == pytest.approx(1)
