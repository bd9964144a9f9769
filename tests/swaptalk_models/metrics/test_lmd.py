"""LMD: zero for equal mouths, blind to translation, known value for a known change."""

import numpy as np
import pytest

from swaptalk_models.metrics.lmd import interocular_share, lmd, mouth_distances


@pytest.fixture
def face() -> np.ndarray:
    rng = np.random.default_rng(0)
    points = rng.uniform(60, 200, size=(4, 68, 2))
    points[:, 36:42] = [80, 90]
    points[:, 42:48] = [160, 90]
    return points


def test_identical_landmarks_have_distance_zero(face):
    assert lmd(face, face) == 0


def test_a_moved_mouth_of_the_same_shape_has_distance_zero(face):
    assert lmd(face + [7, -3], face) == pytest.approx(0, abs=1e-12)


def test_known_opening(face):
    opened = face.copy()
    opened[:, 48:58, 1] -= 3  # ten points 3 px up, ten 3 px down: the centroid stays
    opened[:, 58:68, 1] += 3
    distances = mouth_distances(opened, face)
    assert distances == pytest.approx([3] * 4)
    assert interocular_share(distances, face) == pytest.approx(3 / 80)


def test_only_the_mouth_counts(face):
    turned = face.copy()
    turned[:, :48] += 50
    assert lmd(turned, face) == 0


def test_no_frames_give_no_value(face):
    assert np.isnan(lmd(face[:0], face[:0]))
