"""metrics/lip_motion.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.lip_motion import opening_range, silent_and_loud, silent_opening_ratio

SPEECH = np.repeat([True, False, True], [50, 20, 50])
"""Two seconds of speech, 0.8 of silence, two of speech; frames of 40 ms."""


def sound(speech: np.ndarray, loud: float = 1.0, quiet: float = -3.0) -> np.ndarray:
    """A log-mel (steps, 80) of a sound that is loud where there is speech."""
    steps = np.arange(round(len(speech) * 3.2))
    return np.repeat(np.where(speech[(steps / 3.2).astype(int)], loud, quiet)[:, None], 80, axis=1).astype(np.float32)


def test_silence_is_where_its_neighbours_are_silent_too():
    silent, loud = silent_and_loud(sound(SPEECH), len(SPEECH))
    assert np.flatnonzero(silent).tolist() == list(range(52, 68))
    assert (loud == SPEECH).mean() > 0.98 and not (silent & loud).any()


def test_a_sound_without_quiet_has_no_silence_and_a_short_one_ends():
    silent, loud = silent_and_loud(sound(SPEECH, 1.0, 0.0), len(SPEECH))
    assert not silent.any() and loud.any()
    silent, loud = silent_and_loud(sound(SPEECH), 200)
    assert not silent[120:].any() and not loud[120:].any()
    assert not np.any(silent_and_loud(np.zeros((0, 80), np.float32), 5))


def test_opening_in_silence_over_opening_in_speech():
    silent, loud = silent_and_loud(sound(SPEECH), len(SPEECH))
    opening = np.where(SPEECH, 0.2, 0.05)
    assert silent_opening_ratio(opening, silent, loud) == pytest.approx(0.25)
    assert silent_opening_ratio(np.full(120, 0.1), silent, loud) == pytest.approx(1), "lips that do not know silence"
    opening[5], opening[55] = np.nan, np.nan  # no face there
    assert silent_opening_ratio(opening, silent, loud) == pytest.approx(0.25)
    assert np.isnan(silent_opening_ratio(np.zeros(120), silent, loud))
    assert np.isnan(silent_opening_ratio(opening, np.zeros(120, bool), loud))


def test_range_over_the_real_mouths():
    loud = silent_and_loud(sound(SPEECH), len(SPEECH))[1]
    truth = 0.15 + 0.1 * np.sin(np.arange(120))
    assert opening_range(truth, truth, loud) == pytest.approx(1)
    mumbled = 0.15 + 0.043 * np.sin(np.arange(120))
    assert opening_range(mumbled, truth, loud) == pytest.approx(0.43)
    assert opening_range(mumbled + 0.3, truth, loud) == pytest.approx(0.43), (
        "how far open it is at all is another matter"
    )
    wild = truth.copy()
    wild[60] = 3  # in silence
    assert opening_range(wild, truth, loud) == pytest.approx(1)
    assert np.isnan(opening_range(truth, np.full(120, 0.1), loud)) and np.isnan(
        opening_range(truth, truth, np.zeros(120, bool))
    )
