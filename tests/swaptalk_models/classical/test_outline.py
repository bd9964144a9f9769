"""classical/outline.py: the jaw goes to the target's, the features stay."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.outline import in_outline_of
from swaptalk_models.classical.warp_swap import outline_shape
from swaptalk_models.data.faces.alignment import template_landmarks

SIZE = 256


def narrow(points: np.ndarray, width: float = 0.8, chin: float = -12.0) -> np.ndarray:
    """Landmarks with a narrower jaw and a chin that is higher by so many pixels."""
    points = points.copy()
    jaw = points[:17]
    jaw[:, 0] = jaw[:, 0].mean() + width * (jaw[:, 0] - jaw[:, 0].mean())
    jaw[:, 1] += chin * np.clip((jaw[:, 1] - jaw[0, 1]) / np.ptp(jaw[:, 1]), 0, 1)
    return points


def drawn(points: np.ndarray, size: int = SIZE) -> np.ndarray:
    """A light face with dark eyes and a dark mouth on a dark ground."""
    image = np.full((size, size, 3), 30, np.uint8)
    forehead = points[17:27] - [0, 0.2 * size]
    hull = cv2.convexHull(np.round(np.concatenate([points[:17], forehead])).astype(np.int32))
    cv2.fillConvexPoly(image, hull, (200, 170, 150))
    for part in (points[36:42], points[42:48], points[48:60]):
        cv2.fillConvexPoly(image, np.round(part).astype(np.int32), (60, 40, 40))
    return image


@pytest.mark.parametrize("size", [64, SIZE])
def test_a_narrow_face_fills_a_wide_outline_and_keeps_its_features(size):
    wide = template_landmarks(size, -0.06)
    own = narrow(wide, chin=-12.0 * size / SIZE)
    bent, points = in_outline_of(drawn(own, size), own, wide)
    assert bent.shape == (size, size, 3) and bent.dtype == np.uint8
    assert np.allclose(points[:17], wide[:17], atol=0.01 * size), "the target's jaw"
    assert np.allclose(points[17:], own[17:], atol=0.01 * size), "its own features"
    inside = np.round(wide[3:14] + 0.12 * (wide[30] - wide[3:14])).astype(int)
    assert (bent[inside[:, 1].clip(0, size - 1), inside[:, 0], 0] > 150).all(), "skin up to the target's jaw"
    before = drawn(own, size)[inside[:, 1].clip(0, size - 1), inside[:, 0], 0]
    assert (before < 100).any(), "where there was none"
    for feature in (own[36:42], own[42:48], own[48:60]):
        x, y = np.round(feature.mean(axis=0)).astype(int)
        assert bent[y, x, 0] < 110, "where it was"


def test_a_face_in_its_own_outline_stays_as_it_is():
    points = narrow(template_landmarks(SIZE, -0.06))
    image = drawn(points)
    bent, moved = in_outline_of(image, points, points)
    assert np.allclose(moved, points, atol=0.05)
    assert np.abs(bent.astype(int) - image).mean() < 0.5


def test_only_the_targets_shape_counts_not_its_place_or_size():
    own, wide = narrow(template_landmarks(SIZE, -0.06)), template_landmarks(SIZE, -0.06)
    turned = 2.5 * wide @ np.array([[0.96, 0.28], [-0.28, 0.96]], np.float32) + 400
    one, points = in_outline_of(drawn(own), own, wide)
    other, same = in_outline_of(drawn(own), own, turned.astype(np.float32))
    assert np.allclose(points, same, atol=0.1)
    assert np.abs(one.astype(int) - other).mean() < 1


def test_a_long_chin_may_leave_the_crop():
    """What lay under a short chin does not come up into the face."""
    own = narrow(template_landmarks(SIZE, -0.06), width=1.0, chin=-20.0)
    long = narrow(template_landmarks(SIZE, -0.06), width=1.0, chin=14.0)
    assert long[8, 1] > SIZE - 2
    bent, _ = in_outline_of(drawn(own), own, long)
    chin = bent[int(own[57, 1]) + 8 : SIZE - 8, SIZE // 2]
    assert (chin[:, 0] > 150).all()


@pytest.mark.parametrize("turn", [0.1, 0.25, 0.4])
def test_a_turned_head_is_bent_as_far_as_nothing_folds(turn):
    """Of the cheek that is turned away there is nothing to show."""
    wide = template_landmarks(SIZE, -0.06)
    own = wide.copy()
    away = own[:, 0] > SIZE / 2
    own[away, 0] = SIZE / 2 + (1 - 2 * turn) * (own[away, 0] - SIZE / 2)
    bent, points = in_outline_of(drawn(own), own, wide)
    wanted = outline_shape(own, wide)
    as_far = np.abs(points - own).max() / np.abs(wanted - own).max()
    assert as_far == pytest.approx(1.0 if turn < 0.3 else 0.25, abs=0.3)
    again, same = in_outline_of(bent, points, points)
    assert np.abs(same - points).max() < 0.05 and np.abs(again.astype(int) - bent).mean() < 0.5


def test_a_profile_keeps_its_shape():
    own = template_landmarks(SIZE, -0.06)
    own[:, 0] = SIZE / 2 - np.abs(own[:, 0] - SIZE / 2)
    _, points = in_outline_of(drawn(own), own, template_landmarks(SIZE, -0.06))
    assert np.isfinite(points).all()
