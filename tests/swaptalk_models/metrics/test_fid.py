"""The Frechet distance against closed forms."""

import numpy as np
import pytest

from swaptalk_models.metrics.fid import FeatureStatistics, frechet_distance


def gaussian(mean, covariance) -> FeatureStatistics:
    return FeatureStatistics(101, np.asarray(mean, float), 10 * np.linalg.cholesky(covariance).T)


def test_closed_form_of_diagonal_gaussians():
    # |m1 - m2|^2 + sum (s1 - s2)^2 with standard deviations (1, 2) and (3, 1)
    first, second = gaussian([0, 0], np.diag([1, 4])), gaussian([3, 4], np.diag([9, 1]))
    assert frechet_distance(first, second) == pytest.approx(25 + 4 + 1)
    assert frechet_distance(second, first) == pytest.approx(30)


def test_closed_form_of_rotated_gaussians():
    rng = np.random.default_rng(0)
    root, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    first = gaussian(np.zeros(5), root @ np.diag([1, 2, 3, 4, 5]) @ root.T)
    second = gaussian(np.zeros(5), root @ np.diag([4, 2, 1, 9, 5]) @ root.T)
    expected = sum((np.sqrt(a) - np.sqrt(b)) ** 2 for a, b in zip([1, 2, 3, 4, 5], [4, 2, 1, 9, 5], strict=True))
    assert frechet_distance(first, second) == pytest.approx(expected)


def test_same_features_have_distance_zero_even_with_fewer_frames_than_dimensions():
    features = np.random.default_rng(0).normal(size=(10, 64))
    statistics = FeatureStatistics.of(features)
    assert frechet_distance(statistics, statistics) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(statistics, FeatureStatistics.of(features + 1)) == pytest.approx(64, abs=1e-4)


def test_merging_equals_seeing_all_frames_at_once():
    features = np.random.default_rng(0).normal(size=(50, 6))
    merged = (
        FeatureStatistics.of(features[:1])
        .merge(FeatureStatistics.of(features[1:20]))
        .merge(FeatureStatistics.of(features[20:]))
    )
    assert merged.count == 50
    assert merged.mean == pytest.approx(features.mean(axis=0))
    assert merged.covariance == pytest.approx(np.cov(features.T))


def test_memory_does_not_grow_with_the_frames():
    features = np.random.default_rng(0).normal(size=(500, 6))
    statistics = FeatureStatistics.of(features[:10])
    for start in range(10, 500, 10):
        statistics = statistics.merge(FeatureStatistics.of(features[start : start + 10]))
        assert len(statistics.root) <= 12
    assert statistics.covariance == pytest.approx(np.cov(features.T))


def test_agrees_with_the_matrix_square_root():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)), rng.normal(1, 2, size=(40, 5))
    first, second = FeatureStatistics.of(ours), FeatureStatistics.of(theirs)
    s1, s2 = np.cov(ours.T), np.cov(theirs.T)
    gap = ours.mean(axis=0) - theirs.mean(axis=0)
    expected = gap @ gap + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2).real)
    assert frechet_distance(first, second) == pytest.approx(expected)
