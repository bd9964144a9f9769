import numpy as np

from swaptalk_models.data.phantom.motion import FPS, MAX_YAW, loudness, mouth_tracks, perform, visemes
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.speech import Phoneme, speak


def _say(*names: str, length: float = 0.2) -> np.ndarray:
    phonemes = [Phoneme(name, i * length, (i + 1) * length) for i, name in enumerate(names)]
    return mouth_tracks(phonemes, round(len(names) * length * FPS))


def test_silence_closes_the_lips_and_an_open_vowel_opens_them():
    opening = _say("_:", "'A:", "_:")[0]
    assert opening[2] < 0.02 and opening[7] > 0.9 and opening[-2] < 0.02


def test_lips_meet_for_every_bilabial_even_a_short_one():
    for sound in "pbm":
        phonemes = [Phoneme("'a", 0, 0.2), Phoneme(sound, 0.2, 0.26), Phoneme("'a", 0.26, 0.5)]
        track = mouth_tracks(phonemes, 12)
        assert track[0, 2] > 0.8 and track[0, 6] < 0.25 * track[0, 2] and track[2, 6] > 0.7


def test_the_peak_is_in_the_middle_of_its_sound():
    opening = _say("m", "'a", "m", length=0.28)[0]
    assert abs(int(opening.argmax()) - 10) <= 1


def test_round_and_spread_vowels_and_the_lip_to_teeth_sounds():
    spread, tuck, tongue = (_say("_", sound, "_")[row][7] for row, sound in ((1, "u:"), (3, "f"), (4, "l")))
    assert spread < -0.8 and tuck > 0.8 and tongue > 0.8
    assert _say("_", "i:", "_")[1][7] > 0.7


def test_every_phoneme_has_a_shape():
    for name in ("'aI", ",E", "tS", "a#", "@2", "3:", "r-", "t#", "I2", "O@", "dZ", "_!", ";", "?"):
        for shape in visemes(name):
            assert len(shape) == 6 and 0 <= shape[0] <= 1 and -1 <= shape[1] <= 1


def test_a_performance_moves_within_what_a_frontal_detector_takes():
    person = make_person(3)
    speech = speak(person.voice, 4.0, np.random.default_rng(1))
    motion = perform(speech, 100, np.random.default_rng(2), person.liveliness)
    assert len(motion) == 100
    assert np.ptp(motion.yaw) > np.radians(3) and np.abs(motion.yaw).max() <= MAX_YAW
    assert np.abs(np.diff(motion.yaw)).max() < np.radians(2), "heads turn smoothly"
    assert motion.blink.max() == 1 and (motion.blink > 0.5).mean() < 0.25
    assert motion.opening.max() > 0.7 and motion.opening.min() < 0.05
    assert np.corrcoef(motion.opening, loudness(speech.audio, 100))[0, 1] > 0.3


def test_silence_in_the_audio_keeps_the_lips_shut():
    speech = speak(make_person(3).voice, 2.0, np.random.default_rng(1), silent_from=1.0)
    motion = perform(speech, 50, np.random.default_rng(2))
    assert np.abs(speech.audio[-44100 // 2 :]).max() < 1e-3
    assert motion.opening[:25].max() > 0.4 and motion.opening[28:].max() < 0.02
