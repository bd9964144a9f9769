"""metrics/leak.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.leak import OPEN, open_share, pause_range, pauses

QUIET = np.repeat([False, True, False, True, False], [10, 12, 5, 7, 6])
"""Frames of 40 ms: one pause of 480 ms, one too short."""


def test_share_of_open_mouths():
    assert open_share(np.array([0.0, OPEN, OPEN + 0.01, 0.3])) == 50, "at the limit it is shut"
    assert open_share(np.array([np.nan, 0.3])) == 100 and open_share(np.full(9, 0.03)) == 0
    assert np.isnan(open_share(np.full(3, np.nan)))


def test_pauses_are_runs_of_300_ms_and_more():
    assert pauses(QUIET) == [(10, 22)]
    assert pauses(np.ones(8, bool)) == [(0, 8)] and pauses(np.ones(7, bool)) == [] and pauses(np.zeros(9, bool)) == []


def test_range_within_pauses():
    shut = np.where(QUIET, 0.03, 0.2)
    assert pause_range(shut, QUIET) == pytest.approx(0)
    level = shut + 0.1
    assert pause_range(level, QUIET) == pytest.approx(0), "open, but still"
    late = shut.copy()
    late[10:12] = 0.2  # lips close after they are heard
    assert pause_range(late, QUIET) == pytest.approx(0)
    quivering = shut.copy()
    quivering[12:20] += np.array([0, 0.05] * 4)
    assert pause_range(quivering, QUIET) == pytest.approx(5)
    quivering[12:17] = np.nan
    assert np.isnan(pause_range(quivering, QUIET)), "too little is seen"
    assert np.isnan(pause_range(shut, ~QUIET & False))


def test_a_long_pause_counts_more():
    quiet = np.repeat([True, False, True], [24, 3, 12])
    opening = np.zeros(39)
    opening[29:37] = np.array([0, 0.08] * 4)
    assert pause_range(opening, quiet) == pytest.approx(8 * 8 / 28)
