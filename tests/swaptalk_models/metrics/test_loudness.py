"""metrics/loudness.py, closeness.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.closeness import closeness
from swaptalk_models.metrics.loudness import levels, loudness_gap

SPEECH = np.repeat([True, False], [40, 10])
LEVEL = np.concatenate([np.abs(np.sin(np.arange(40) / 4)), np.full(10, 9.0)])


def test_a_mouth_that_opens_with_the_voice_has_no_gap():
    assert loudness_gap(0.03 + 0.2 * LEVEL, LEVEL, SPEECH) == pytest.approx(0)
    gap = loudness_gap(-LEVEL, LEVEL, SPEECH)
    assert gap == pytest.approx(np.abs(1 - 2 * (LEVEL[:40] / LEVEL[:40].max())).mean(), abs=0.01), "pauses do not count"


def test_golden_value():
    opening = np.tile([0.0, 0.1, 0.2, 0.1], 10)
    level = np.tile([0.0, 1.0, 0.5, 0.25], 10)
    assert loudness_gap(opening, level, np.ones(40, bool)) == pytest.approx((0 + 0.5 + 0.5 + 0.25) / 4)


def test_what_is_too_little_is_not_known():
    assert np.isnan(loudness_gap(LEVEL, LEVEL, np.arange(50) < 20))
    assert np.isnan(loudness_gap(np.full(50, 0.1), LEVEL, SPEECH)), "a mouth that does not move"
    unseen = np.where(np.arange(50) < 20, np.nan, LEVEL)
    assert np.isnan(loudness_gap(unseen, LEVEL, SPEECH))


def test_levels_are_of_a_frames_sound():
    sound = np.concatenate([np.full(640, 0.5), np.full(640, -0.25)]).astype(np.float32)
    assert levels(sound, 3) == pytest.approx([0.5, 0.25, 0])
    assert len(levels(sound, 1)) == 1


def test_closeness_to_the_truth():
    assert closeness(0.3, 0.3) == 1 and closeness(0.45, 0.3) == pytest.approx(0.5) == closeness(0.15, 0.3)
    assert closeness(1.0, 0.3) < 0 and np.isnan(closeness(0.1, 0.0)) and np.isnan(closeness(float("nan"), 1.0))
