"""Mouth opening and its correlation."""

import numpy as np
import pytest

from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.metrics.mouth import jitter, opening_correlation


def faces(opening: np.ndarray) -> np.ndarray:
    points = np.zeros((len(opening), 68, 2))
    points[:, 36:42], points[:, 42:48] = [0, 0], [50, 0]
    points[:, 66, 1] = opening * 50
    return points


def test_opening_is_a_share_of_the_interocular_distance_at_any_scale():
    opening = np.array([0, 0.1, 0.3])
    assert mouth_opening(faces(opening)) == pytest.approx(opening)
    assert mouth_opening(faces(opening) * 7 + 3) == pytest.approx(opening)


def test_correlation_of_a_copied_reference_is_zero_and_of_the_truth_one():
    truth = np.abs(np.sin(np.arange(50) / 3))
    assert opening_correlation(truth, truth) == pytest.approx(1)
    assert opening_correlation(2 - 3 * truth, truth) == pytest.approx(-1)
    assert opening_correlation(np.full(50, 0.2), truth) == 0


def test_unknown_frames_are_left_out():
    truth = np.array([0, 1, 0, 1, 0.5])
    ours = np.array([0, 1, 0, np.nan, 0.5])
    assert opening_correlation(ours, truth) == pytest.approx(1)
    assert np.isnan(opening_correlation(ours[:2], truth[:2]))


def test_a_steady_movement_is_no_jitter():
    assert jitter(np.linspace(0, 1, 20)) == pytest.approx(0)
    assert jitter(np.tile([0.0, 0.1], 10)) == pytest.approx(0.2)
    smooth = np.sin(np.arange(100) / 10)
    assert jitter(smooth) < 0.1 * jitter(smooth + 0.05 * np.random.default_rng(0).normal(size=100))
    assert jitter(np.zeros(2)) == 0
