"""metrics/preservation.py"""

import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.data.faces.regions import region_labels
from swaptalk_models.metrics.preservation import background_difference, flicker, landmark_distance, mouth_kept

SIZE = 64
POINTS = template_landmarks(SIZE)[None]
FACE = region_labels(POINTS[0], SIZE, SIZE) > 0


def frames(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(20, 200, (n, SIZE, SIZE, 3)).astype(np.uint8)


def test_landmarks_in_percent_of_the_eyes_distance():
    assert landmark_distance(POINTS, POINTS) == 0
    moved = POINTS + np.float32([0.1 * interocular(POINTS)[0], 0])
    assert landmark_distance(moved, POINTS) == pytest.approx(10, rel=1e-4)
    assert landmark_distance(3 * moved, 3 * POINTS) == pytest.approx(10, rel=1e-4), "whatever the resolution"


def test_a_mask_keeps_no_expression():
    rng = np.random.default_rng(0)
    target = np.repeat(POINTS, 24, axis=0).reshape(12, 2, 68, 2)
    target[:, :, 65:68, 1] += rng.uniform(0, 6, (12, 2, 1))
    target[:, 1, 65:68, 1] += 5  # somebody whose mouth is always open
    smaller = target.copy()
    smaller[..., 65:68, 1] = POINTS[0, 65:68, 1] + (target[..., 65:68, 1] - POINTS[0, 65:68, 1]) / 2
    smaller[:, 0, 65:68, 1] += 4  # of another mouth at rest
    mask = np.repeat(POINTS, 24, axis=0).reshape(12, 2, 68, 2) + rng.normal(0, 0.02, target.shape).astype(np.float32)
    assert mouth_kept(target, target) == pytest.approx(1)
    assert mouth_kept(smaller, target) > 0.99, "less of it, at the same time"
    assert abs(mouth_kept(mask, target)) < 0.6
    assert landmark_distance(mask[:, 0], target[:, 0]) < 5, "which the distance of all landmarks hardly sees"


def test_background_is_what_is_no_face():
    target = frames(1)
    swapped = target + np.uint8(50) * FACE[None, ..., None]
    assert background_difference(swapped, target, POINTS) == 0
    assert background_difference(target + np.uint8(7) * ~FACE[None, ..., None], target, POINTS) == pytest.approx(7)


def test_flicker_is_change_that_the_target_does_not_have():
    target = frames(2)[:, None]
    assert flicker(target, target, POINTS) == 0
    assert flicker(target + np.uint8(9), target, POINTS) == 0, "another face, moving alike"
    jumps = target.copy()
    jumps[1] += np.uint8(5)
    assert flicker(jumps, target, POINTS) == pytest.approx(5)
