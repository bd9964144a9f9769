"""How many videos would decide whether a difference is one.

Definition the least number of pairs of videos at which a two-sided paired t-test of the given level finds a difference as
           large and as scattered as the measured one with the given probability (its power).
Source     Cohen, "Statistical power analysis for the behavioral sciences", 1988, chapter 2: the test statistic follows a
           noncentral t with noncentrality sqrt(n) * |mean| / deviation.
Mind       the measured difference stands for the true one. Where it is noise itself, so is this number: read it as an
           order of magnitude, "ten more videos" against "out of reach".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import nctdtr, stdtrit

POWER = 0.8
"""How probable it should be that a true difference is found (Cohen's convention)."""
MOST_VIDEOS = 100_000
"""More than anyone will make: what needs more is out of reach."""


def videos_needed(
    differences: Sequence[float], confidence: float = 0.95, power: float = POWER, least: int = 2
) -> int | None:
    """Number of pairs that would decide it, at least ``least`` and at most MOST_VIDEOS.

    Args:
        differences: the measured ones, one a pair of videos.
        confidence: 1 less the level of the test.

    Returns:
        MOST_VIDEOS where even they would not; None where fewer than three pairs say how scattered the differences are.
    """
    values = np.asarray(differences, np.float64)
    if len(values) < 3:
        return None
    mean, deviation = abs(float(values.mean())), float(values.std(ddof=1))
    if deviation == 0:
        return least if mean else MOST_VIDEOS
    effect = mean / deviation
    low, high = max(2, least), MOST_VIDEOS
    if power_at(high, effect, confidence) < power:
        return MOST_VIDEOS
    while low < high:  # the power grows with the number
        middle = (low + high) // 2
        if power_at(middle, effect, confidence) >= power:
            high = middle
        else:
            low = middle + 1
    return low


def power_at(pairs: int, effect: float, confidence: float = 0.95) -> float:
    """Probability that a paired t-test over ``pairs`` (at least 2) finds a difference of ``effect`` standard deviations."""
    freedom = pairs - 1
    critical = float(stdtrit(freedom, (1 + confidence) / 2))
    shift = math.sqrt(pairs) * effect
    if shift - critical > 5:  # certain; and where it is, the series of the distribution fails
        return 1.0
    return float(1 - nctdtr(freedom, shift, critical) + nctdtr(freedom, shift, -critical))
