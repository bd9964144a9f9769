"""Bootstrap intervals."""

import numpy as np
import pytest

from swaptalk_models.metrics.confidence import bootstrap, bootstrap_mean


def test_interval_holds_the_mean_and_narrows_with_more_videos():
    rng = np.random.default_rng(0)
    few, many = bootstrap_mean(rng.normal(5, 1, 10)), bootstrap_mean(rng.normal(5, 1, 400))
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert many.high - many.low == pytest.approx(2 * 1.96 / np.sqrt(400), rel=0.15)


def test_same_seed_same_interval():
    assert bootstrap_mean([1, 2, 4, 8], seed=3) == bootstrap_mean([1, 2, 4, 8], seed=3)


def test_videos_without_a_value_are_left_out():
    interval = bootstrap_mean([1.0, None, float("nan"), 3.0])
    assert interval.value == 2 and interval.videos == 2
    assert bootstrap_mean([None]).value is None
    assert bootstrap_mean([4.0]).low is None


def test_any_statistic():
    interval = bootstrap([1, 2, 3, 4, 100], np.median, samples=300)
    assert interval.value == 3 and 1 <= interval.low <= 3 <= interval.high <= 100
