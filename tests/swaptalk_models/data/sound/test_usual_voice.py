"""The sound that lips are made by: neither microphone nor loudness, but silence stays silence."""

import numpy as np
import pytest

from swaptalk_models.data.sound.usual_voice import USUAL, in_speech, of_usual_voice


@pytest.fixture
def talk() -> np.ndarray:
    """(400, 80): syllables of a voice whose bands differ, and a pause with a room's noise in the middle."""
    rng = np.random.default_rng(0)
    syllables = np.abs(np.sin(np.arange(400) / 7))[:, None] * rng.uniform(0.5, 1.5, 80)
    talk = -1.5 + rng.normal(0, 0.3, 80) + syllables
    talk[180:220] = -3.2
    return talk.astype(np.float32)


def test_microphone_and_loudness_are_taken_off(talk):
    other = talk + np.linspace(-0.3, 0.5, 80, dtype=np.float32) + 0.1  # brighter, and louder
    assert np.abs(other - talk).max() > 0.5
    ours, theirs = of_usual_voice(talk), of_usual_voice(other)
    heard = talk > -2.9  # nearer to the floor by less
    assert np.abs(ours - theirs)[heard].max() < 1e-4
    assert ours[in_speech(talk.mean(axis=1))].mean(axis=0) == pytest.approx(np.full(80, USUAL), abs=1e-3)
    assert ours.dtype == np.float32 and ours.shape == talk.shape


def test_shape_over_time_stays(talk):
    made = of_usual_voice(talk)
    loud = talk[:, 40] > -2.9
    assert np.corrcoef(made[loud, 40], talk[loud, 40])[0, 1] > 0.9999


def test_pauses_are_no_speech(talk):
    assert not in_speech(talk.mean(axis=1))[182:218].any()
    assert in_speech(np.zeros(50)).all(), "a sound that is as loud everywhere"


def test_silence_is_nobodys_voice():
    silence = np.full((160, 80), -4.0, np.float32)
    assert np.array_equal(of_usual_voice(silence), silence)


def test_digital_silence_within_a_quiet_voice_stays_at_the_floor(talk):
    quiet = talk - 1.0
    quiet[180:220] = -4.0
    made = of_usual_voice(quiet)
    assert (made[180:220] == -4.0).all()
    assert made.min() >= -4 and made.max() <= 4
