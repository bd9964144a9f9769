"""Confidence intervals by bootstrap over videos.

Source     Efron and Tibshirani, "An introduction to the bootstrap", 1993: percentile interval.
Why videos: frames of one video are far from independent; resampling frames would give intervals much too narrow.
Excludes   videos without a value (None or NaN); `Interval.videos` says how many were left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


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
    low, high = _percentiles(known[picks].mean(axis=1), confidence)
    return Interval(float(known.mean()), low, high, len(known))


def bootstrap(
    items: Sequence[Item],
    statistic: Callable[[Sequence[Item]], float],
    samples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Any statistic of a list with one item a video (e.g. a Frechet distance of pooled features), with its interval."""
    if not items:
        return Interval(None, None, None, 0)
    value = float(statistic(items))
    if len(items) == 1:
        return Interval(value, None, None, 1)
    picks = np.random.default_rng(seed).integers(len(items), size=(samples, len(items)))
    low, high = _percentiles(np.array([statistic([items[index] for index in pick]) for pick in picks]), confidence)
    return Interval(value, low, high, len(items))


def _percentiles(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)
