"""classical/sound_opening.py: what a sound alone says of lips."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from swaptalk_models.classical.articulation import USUAL
from swaptalk_models.classical.sound_opening import opening_by_sound
from swaptalk_models.data.phantom.motion import mouth_tracks
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.speech import speak
from swaptalk_models.data.sound.mel import log_mel
from swaptalk_models.data.sound.usual_voice import of_usual_voice

FRAMES = 100


def vowels(times: np.ndarray, low: bool) -> np.ndarray:
    """A log-mel (320, 80) at whose ``times`` (320,), 0 to 1, there is more sound above 600 Hz; or else below."""
    mel = np.full((320, 80), -1.5, np.float32)
    bands = slice(4, 12) if low else slice(16, 60)
    mel[:, bands] += times[:, None].astype(np.float32)
    return mel


def test_more_above_than_below_is_open():
    wave = 0.5 + 0.5 * np.sin(np.arange(320) / 5)
    truth = np.interp((np.arange(FRAMES) + 0.5) * 3.2, np.arange(320), wave)
    made = opening_by_sound(vowels(wave, low=False), FRAMES)
    assert np.corrcoef(made, truth)[0, 1] > 0.95
    assert np.quantile(made, 0.95) - np.quantile(made, 0.05) == pytest.approx(USUAL, rel=0.1)
    assert np.corrcoef(opening_by_sound(vowels(wave, low=True), FRAMES), truth)[0, 1] < -0.9


def test_loudness_alone_hardly_opens_a_mouth():
    """Of all bands alike; 0.4 of it is left, since what is below weighs less."""
    wave = 0.5 + 0.5 * np.sin(np.arange(320) / 5)
    tilt = wave[::-1]
    both = vowels(tilt, low=False) + wave[:, None].astype(np.float32)
    truth = np.interp((np.arange(FRAMES) + 0.5) * 3.2, np.arange(320), tilt)
    assert np.corrcoef(opening_by_sound(both, FRAMES), truth)[0, 1] > 0.85


def test_lips_are_shut_in_a_pause_and_in_silence():
    mel = vowels(0.5 + 0.5 * np.sin(np.arange(320) / 5), low=False)
    mel[160:224] = -4.0  # 0.8 s
    made = opening_by_sound(mel, FRAMES)
    assert made[54:66].max() < 0.01 and made[:45].max() > 0.1
    mel[160:224] = -1.5
    mel[160:176] = -4.0  # 0.2 s: a consonant's
    assert opening_by_sound(mel, FRAMES).shape == (FRAMES,)
    assert not opening_by_sound(np.full((320, 80), -4.0, np.float32), FRAMES).any()


def test_it_says_something_of_drawn_voices_and_their_lips():
    found = []
    for index in range(6):
        speech = speak(make_person(index).voice, 4.0, np.random.default_rng([0, index, 1]))
        opening = mouth_tracks(speech.phonemes, FRAMES)[0]
        found.append(
            np.corrcoef(
                opening_by_sound(of_usual_voice(log_mel(resample_poly(speech.audio, 160, 441))), FRAMES), opening
            )[0, 1]
        )
    assert np.mean(found) > 0.25
