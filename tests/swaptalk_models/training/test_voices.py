"""Synthetic voices without the clue that real ones do not give."""

import numpy as np
import pytest

from swaptalk_models.data.sound.usual_voice import of_usual_voice
from swaptalk_models.training.voices import Voices, drift, evened_lows


@pytest.fixture
def mel() -> np.ndarray:
    """(800, 80): all bands go up and down together, as a synthetic voice's do."""
    loudness = np.sin(np.arange(800) / 9)
    return (-1.5 + loudness[:, None] * np.linspace(1, 0.5, 80)).astype(np.float32)


def spread(mel: np.ndarray, bands: slice) -> float:
    return float(mel[:, bands].mean(axis=1).std())


def test_lows_are_evened_out_and_what_is_above_stays(mel):
    even = evened_lows(mel, 1.0)
    assert spread(even, slice(0, 12)) < 0.1 * spread(mel, slice(0, 12))
    assert np.array_equal(even[:, 60:], mel[:, 60:]) or np.abs(even[:, 60:] - mel[:, 60:]).max() < 1e-4
    assert spread(mel, slice(0, 12)) * 0.4 < spread(evened_lows(mel, 0.5), slice(0, 12)) < spread(mel, slice(0, 12))


def test_drift_has_its_size_comes_and_goes_and_is_another_each_time():
    rng = np.random.default_rng(0)
    first, second = drift(rng, 20000, 6.0), drift(rng, 20000, 6.0)
    assert first.std() == pytest.approx(6.0 / 12.5, rel=0.1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert np.corrcoef(first[:-3], first[3:])[0, 1] > 0.8, "neighbouring steps are as loud"
    assert abs(np.corrcoef(first[:-40], first[40:])[0, 1]) < 0.1, "half a second later it is another"


def test_without_either_a_clip_is_heard_as_it_is(mel):
    usual = {"a": of_usual_voice(mel)}
    rng = np.random.default_rng(0)
    assert Voices({"a": mel}, usual).of("a", rng) is usual["a"]
    assert rng.random() == np.random.default_rng(0).random(), "trainings of before draw what they drew"


def test_heard_otherwise_each_time_and_in_the_scale(mel):
    voices, rng = Voices({"a": mel}, {"a": of_usual_voice(mel)}, 6.0, 1.0), np.random.default_rng(0)
    first, second = voices.of("a", rng), voices.of("a", rng)
    assert first.shape == mel.shape and first.dtype == np.float32 and not np.array_equal(first, second)
    assert first.min() >= -4 and first.max() <= 4
