"""Confidence intervals by bootstrap over videos.

Source     Efron and Tibshirani, "An introduction to the bootstrap", 1993: percentile interval; widened for few videos after Hesterberg, "What
           teachers should know about the bootstrap", The American Statistician 2015 (expanded percentile interval): its tails are as far
           out as Student's t and the unbiased deviation ask for. Plain percentiles of 8 videos hold with 87 % instead of 95 (these with 92).
Why videos: frames of one video are far from independent; resampling frames would give intervals much too narrow.
Excludes   videos without a value (None or NaN); `Interval.videos` says how many were left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.special import ndtr, stdtrit

Item = TypeVar("Item")
_FEWEST_BEYOND = 5
"""Draws beyond an interval's end, below which they do not say where it is."""


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval."""

    value: float | None
    """The statistic over all videos; None when there is none."""
    low: float | None
    """Lower end; None below two videos."""
    high: float | None
    """Upper end; None below two videos."""
    videos: int
    """Videos behind it."""


def bootstrap_mean(
    values: Sequence[float | None], samples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Mean of one value a video, with its percentile interval."""
    known = np.array([value for value in values if value is not None and np.isfinite(value)], dtype=np.float64)
    if len(known) == 0:
        return Interval(None, None, None, 0)
    if len(known) == 1:
        return Interval(float(known[0]), None, None, 1)
    picks = np.random.default_rng(seed).integers(len(known), size=(samples, len(known)))
    low, high = percentile_interval(known[picks].mean(axis=1), confidence, len(known))
    return Interval(float(known.mean()), low, high, len(known))


def bootstrap_difference(
    first: Sequence[float | None],
    second: Sequence[float | None],
    paired: bool,
    samples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Mean of `first` less mean of `second`, with its percentile interval.

    `paired`: the i-th of both are of one scene, and scenes are drawn, which takes the scenes' own differences out of the interval; one
    without a value on either side is left out. Else both sides are drawn for themselves. Where many such intervals have to hold
    together, their ends lie further out than any draw: there the draws' deviation says where.
    """
    rng = np.random.default_rng(seed)
    if paired:
        assert len(first) == len(second)
        pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
        deltas = np.array([a - b for a, b in pairs if np.isfinite(a - b)])
        if len(deltas) < 2:
            return Interval(float(deltas[0]) if len(deltas) else None, None, None, len(deltas))
        draws = deltas[rng.integers(len(deltas), size=(samples, len(deltas)))].mean(axis=1)
        return Interval(float(deltas.mean()), *_ends(draws, confidence, len(deltas)), len(deltas))
    ours, theirs = (np.array([v for v in side if v is not None and np.isfinite(v)]) for side in (first, second))
    videos = min(len(ours), len(theirs))
    if not videos:
        return Interval(None, None, None, 0)
    value = float(ours.mean() - theirs.mean())
    if videos == 1:
        return Interval(value, None, None, 1)
    means = [side[rng.integers(len(side), size=(samples, len(side)))].mean(axis=1) for side in (ours, theirs)]
    return Interval(value, *_ends(means[0] - means[1], confidence, videos), videos)


def bootstrap(
    items: Sequence[Item],
    statistic: Callable[[Sequence[Item]], float],
    samples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
    least: float = -math.inf,
) -> Interval:
    """Any statistic of a list with one item a video (e.g. a Frechet distance of pooled features), with its interval.

    The draws are moved by the bias that the bootstrap finds in itself, so that their mean is the value (Efron and Tibshirani 1993, 10.2): a draw has
    some videos twice and others not at all, which puts a distance between distributions up and never down. ``least``: what the statistic cannot be
    below.
    """
    if not items:
        return Interval(None, None, None, 0)
    value = float(statistic(items))
    if len(items) == 1:
        return Interval(value, None, None, 1)
    picks = np.random.default_rng(seed).integers(len(items), size=(samples, len(items)))
    draws = np.array([statistic([items[index] for index in pick]) for pick in picks])
    low, high = percentile_interval(draws - (draws.mean() - value), confidence, len(items))
    return Interval(value, max(low, least), max(high, least), len(items))


def _ends(draws: np.ndarray, confidence: float, videos: int) -> tuple[float, float]:
    """As `percentile_interval`; what lies beyond all but a few draws is put where a normal distribution of their deviation has it."""
    quantile = stdtrit(videos - 1, (1 + confidence) / 2) * np.sqrt(videos / (videos - 1))
    if ndtr(-quantile) * len(draws) >= _FEWEST_BEYOND:
        return percentile_interval(draws, confidence, videos)
    return float(draws.mean() - quantile * draws.std()), float(draws.mean() + quantile * draws.std())


def percentile_interval(draws: np.ndarray, confidence: float, videos: int) -> tuple[float, float]:
    """The interval's ends from draws of a bootstrap; `videos`, or whatever was drawn (at least 2), are behind each draw."""
    quantile = stdtrit(videos - 1, (1 + confidence) / 2) * np.sqrt(videos / (videos - 1))
    tail = 100 * ndtr(-quantile)
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)
