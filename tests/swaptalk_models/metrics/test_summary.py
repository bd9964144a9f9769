"""A row of the results table."""

import numpy as np
import pytest

from swaptalk_models.metrics.evaluate import METRICS, VideoScores
from swaptalk_models.metrics.fid import FeatureStatistics
from swaptalk_models.metrics.summary import summarise, total_excluded


def scores(ssim: float | None, features: np.ndarray) -> VideoScores:
    metrics = dict.fromkeys(METRICS) | {"ssim": ssim, "fid": 99.0}
    target = FeatureStatistics.of(np.random.default_rng(9).normal(size=(400, 2)))
    return VideoScores(
        10,
        {"no face in the target frame": 2},
        metrics,
        {},
        features=FeatureStatistics.of(features),
        target_features=target,
    )


def test_means_over_videos_and_a_frechet_distance_of_pooled_frames():
    rng = np.random.default_rng(0)
    # Each video alone is far from the target; together they have its mean and more than its spread.
    videos = [
        scores(0.8, rng.normal(-3, 1, size=(400, 2))),
        scores(0.6, rng.normal(3, 1, size=(400, 2))),
        scores(None, rng.normal(size=(4, 2))),
    ]
    row = summarise(videos)
    assert row["ssim"].value == pytest.approx(0.7) and row["ssim"].videos == 2
    assert row["lmd"].value is None and row["lmd"].videos == 0
    # Covariance of the pooled frames: 10 on and 9 off the diagonal, eigenvalues 19 and 1, against 1 and 1.
    assert row["fid"].value == pytest.approx((np.sqrt(19) - 1) ** 2, rel=0.1)
    assert row["fid"].low <= row["fid"].high and row["fid"].videos == 3


def test_excluded_frames_add_up():
    videos = [scores(0.8, np.zeros((2, 2))), scores(0.8, np.zeros((2, 2)))]
    assert total_excluded(videos) == {"no face in the target frame": 4}
