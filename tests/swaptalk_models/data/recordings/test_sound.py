"""data/recordings/sound.py and same_recording.py: copies are found however they were treated, and nothing else is."""

import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.recordings.fingerprint import Fingerprint, disagreement
from swaptalk_models.data.recordings.same_recording import same_recordings
from swaptalk_models.data.recordings.sound import SOUND, sound_fingerprint
from swaptalk_models.data.sound.mel import log_mel

RATE, SECONDS = 16000, 4.0


@pytest.fixture(scope="module")
def voices(tmp_path_factory) -> list[np.ndarray]:
    """Six drawn people's."""
    videos = write_corpus(tmp_path_factory.mktemp("voices"), people=6, seconds=SECONDS, size=128)
    return [read_audio(video, RATE) for video in videos]


def heard(sound: np.ndarray) -> Fingerprint:
    return sound_fingerprint(log_mel(sound.astype(np.float32)))


def as_aac(sound: np.ndarray, path) -> np.ndarray:
    """Through a video file and back."""
    with VideoWriter(path, 64, 64, fps=25, audio=sound.astype(np.float32), rate=RATE) as writer:
        for _ in range(round(25 * len(sound) / RATE)):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    return read_audio(path, RATE)


def treated(sound: np.ndarray, how: str, folder) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.003, sound.shape)
    aac = as_aac(sound, folder / "x.mp4") if "aac" in how else sound
    return {
        "cut": aac[9371:],
        "quiet": 0.1 * aac,
        "noise": sound + noise,
        "aac": aac,
        "aac, cut, quiet": 0.2 * aac[7001:-3000],
        "late": np.concatenate([np.zeros(RATE), aac])[: len(aac)],
    }[how]


@pytest.mark.parametrize("how", ["cut", "quiet", "noise", "aac", "aac, cut, quiet", "late"])
def test_a_copy_is_found_and_nobody_else(voices, tmp_path, how):
    clips = {f"v{number}": heard(voice) for number, voice in enumerate(voices)}
    clips["copy"] = heard(treated(voices[2], how, tmp_path))
    (found,) = same_recordings(clips, {name: name for name in clips}, SOUND)
    assert (found.first, found.second) == ("copy", "v2")
    assert 2 <= found.seconds <= SECONDS and found.disagreement <= SOUND.alike


def test_clips_of_one_owner_and_silence_and_short_ones_are_not_compared(voices):
    assert same_recordings({"a": heard(voices[0]), "b": heard(voices[0])}, {"a": "p", "b": "p"}, SOUND) == []
    silent = heard(np.zeros(4 * RATE))
    assert not silent.telling.any() and same_recordings({"a": silent, "b": silent}, {"a": "p", "b": "q"}, SOUND) == []
    short = heard(voices[0][: RATE // 8])
    assert len(short.words) == 0 and same_recordings({"a": short, "b": short}, {"a": "p", "b": "q"}, SOUND) == []
    assert same_recordings({}, {}, SOUND) == []


def test_different_voices_disagree_in_more_than_any_copy(voices):
    clips = [heard(voice) for voice in voices]
    apart = [
        disagreement(one, other, shift)
        for number, one in enumerate(clips)
        for other in clips[:number]
        for shift in range(-30, 31)
    ]
    assert min(unlike for unlike, words in apart if words >= 40) > SOUND.alike + 0.03


def test_the_shift_is_in_words(voices):
    """The second begins a tenth of a second earlier: two words."""
    later, whole = heard(voices[1][RATE // 10 :]), heard(voices[1])
    alike, words = disagreement(later, whole, 2)
    assert alike < 0.1 < disagreement(later, whole, 5)[0] and words > 30
    assert disagreement(whole, whole, 1000) == (1.0, 0)
