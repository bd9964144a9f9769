"""Bootstrap intervals."""

import numpy as np
import pytest

from swaptalk_models.metrics.confidence import bootstrap, bootstrap_difference, bootstrap_mean
from swaptalk_models.metrics.fid import FeatureStatistics, frechet_distance


def test_interval_holds_the_mean_and_narrows_with_more_videos():
    rng = np.random.default_rng(0)
    few, many = bootstrap_mean(rng.normal(5, 1, 10)), bootstrap_mean(rng.normal(5, 1, 400))
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert many.high - many.low == pytest.approx(2 * 1.96 / np.sqrt(400), rel=0.15)


@pytest.mark.parametrize(("videos", "least"), [(5, 0.87), (8, 0.89), (20, 0.9)])
def test_interval_holds_about_as_often_as_it_says(videos, least):
    rng = np.random.default_rng(0)
    intervals = [bootstrap_mean(rng.normal(5, 1, videos), samples=500) for _ in range(400)]
    held = np.mean([interval.low <= 5 <= interval.high for interval in intervals])
    assert least < held < 0.99


def test_same_seed_same_interval():
    assert bootstrap_mean([1, 2, 4, 8], seed=3) == bootstrap_mean([1, 2, 4, 8], seed=3)


def test_videos_without_a_value_are_left_out():
    interval = bootstrap_mean([1.0, None, float("nan"), 3.0])
    assert interval.value == 2 and interval.videos == 2
    assert bootstrap_mean([None]).value is None
    assert bootstrap_mean([4.0]).low is None


def test_any_statistic():
    interval = bootstrap([1, 2, 3, 4, 100], np.median, samples=300)
    assert interval.value == 3 and interval.low <= 3 <= interval.high <= 100


def test_a_distance_between_distributions_lies_in_its_interval():
    """A draw has some videos twice and others not at all, which puts a Frechet distance up: uncorrected, the value lay below its own interval."""
    rng = np.random.default_rng(0)
    videos = [
        tuple(rng.normal(0, 1, 8) + rng.normal(0, 0.3, (30, 8)) for side in range(2))  # frames of one video are alike
        for _ in range(12)
    ]

    def distance(some) -> float:
        return frechet_distance(*(FeatureStatistics.of(np.concatenate(side)) for side in zip(*some, strict=True)))

    interval = bootstrap(videos, distance, samples=100, least=0.0)
    assert 0 <= interval.low <= interval.value <= interval.high


def test_a_small_but_steady_gain_shows_only_in_pairs():
    rng = np.random.default_rng(0)
    before = rng.normal(0, 10, 12)
    after = before + 1 + rng.normal(0, 0.2, 12)
    paired, unpaired = (bootstrap_difference(after, before, paired=how) for how in (True, False))
    assert paired.value == pytest.approx(unpaired.value) == pytest.approx((after - before).mean())
    assert 0.8 < paired.low < paired.high < 1.2 and unpaired.low < 0 < unpaired.high


def test_differences_of_what_is_not_known():
    assert bootstrap_difference([1.0, None, 5.0], [0.0, 2.0, 3.0], paired=True).value == 1.5
    assert bootstrap_difference([1.0, None], [None, 2.0], paired=True).videos == 0
    assert bootstrap_difference([None], [2.0, 3.0], paired=False).value is None
    one = bootstrap_difference([4.0], [2.0, 3.0], paired=False)
    assert one.value == 1.5 and one.low is None
