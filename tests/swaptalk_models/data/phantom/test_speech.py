import numpy as np
import pytest

from swaptalk_models.data.phantom.motion import loudness
from swaptalk_models.data.phantom.people import Voice, make_person
from swaptalk_models.data.phantom.speech import AUDIO_RATE, speak

SECONDS = 2.0


@pytest.fixture(scope="module")
def speech():
    return speak(make_person(1).voice, SECONDS, np.random.default_rng(1))


def test_speech_is_audible_and_has_the_asked_length(speech):
    assert speech.audio.dtype == np.float32 and len(speech.audio) == SECONDS * AUDIO_RATE
    assert np.sqrt(np.mean(speech.audio**2)) > 0.03
    assert 0.5 < np.abs(speech.audio).max() <= 1.0


def test_same_voice_and_chance_give_the_same_samples(speech):
    again = speak(make_person(1).voice, SECONDS, np.random.default_rng(1))
    other = speak(make_person(1).voice, SECONDS, np.random.default_rng(2))
    assert np.array_equal(speech.audio, again.audio) and speech.phonemes == again.phonemes
    assert not np.array_equal(speech.audio, other.audio)


def test_phonemes_fill_the_time_without_gaps(speech):
    assert speech.phonemes[0].start == 0 and speech.phonemes[-1].end == SECONDS
    for before, after in zip(speech.phonemes, speech.phonemes[1:], strict=False):
        assert before.end == after.start > before.start
    assert len(speech.phonemes) > 8 * SECONDS, "continuous speech has more than eight sounds a second"


def test_open_vowels_are_louder_than_lip_closures(speech):
    level = loudness(speech.audio, int(SECONDS * 25))
    at = [(p.name.lstrip("',"), level[min(int(25 * (p.start + p.end) / 2), len(level) - 1)]) for p in speech.phonemes]
    vowels = [value for name, value in at if name[:1] in "aAVOoE"]
    closures = [value for name, value in at if name in ("p", "b", "_:", "_")]
    assert np.mean(vowels) > 1.5 * np.mean(closures)


def test_an_unknown_voice_is_an_error_that_names_it():
    with pytest.raises(RuntimeError, match="no-such-voice"):
        speak(Voice("no-such-voice", 160, 50, 50), 1.0, np.random.default_rng(0))


@pytest.mark.parametrize("index", range(0, 24, 4))
def test_the_voices_of_the_corpus_exist(index):
    assert len(speak(make_person(index).voice, 1.0, np.random.default_rng(0)).phonemes) > 5
