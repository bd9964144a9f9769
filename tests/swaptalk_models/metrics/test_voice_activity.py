"""metrics/voice_activity.py"""

import sys

import numpy as np
import pytest

from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.speech import AUDIO_RATE, speak
from swaptalk_models.errors import UserError
from swaptalk_models.metrics import voice_activity
from swaptalk_models.metrics.voice_activity import speech_frames


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Two seconds of speech in a humming room, the second of them without a voice."""
    from scipy.signal import resample_poly

    speech = speak(make_person(1).voice, 2.0, np.random.default_rng(0), silent_from=1.0).audio
    speech = resample_poly(speech, 16000, AUDIO_RATE)[:32000]
    hum = 0.02 * np.sin(2 * np.pi * 100 * np.arange(32000) / 16000)
    return (speech + hum).astype(np.float32)


def test_speech_is_where_somebody_speaks(sound):
    found = speech_frames(sound, 60)
    assert found[8:22].all(), "but for the first instants"
    assert not found[30:].any() and len(found) == 60, "a hum is no speech, and behind its end there is nothing"
    assert np.array_equal(speech_frames(sound, 60), found)
    assert "torchaudio" not in sys.modules and "silero_vad.model" not in sys.modules, (
        "that would set all threads' number"
    )


def test_silence_asks_nobody(monkeypatch):
    monkeypatch.setattr(voice_activity, "_network", lambda: 1 / 0)
    assert not speech_frames(np.zeros(16000, np.float32), 25).any()
    assert not speech_frames(np.zeros(0, np.float32), 25).any()


def test_without_the_package_it_is_named(monkeypatch, sound):
    monkeypatch.setattr(voice_activity.importlib.util, "find_spec", lambda name: None)
    voice_activity._network.cache_clear()
    with pytest.raises(UserError, match="install the package silero-vad"):
        speech_frames(sound[::-1], 25)
    voice_activity._network.cache_clear()
