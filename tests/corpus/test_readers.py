"""Every kind of file that people have, read as trainings, generations and measurements read it."""

import warnings

import numpy as np
import pytest

from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.cutting import cut_clip
from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.data.media.video import probe
from swaptalk_models.data.media.voice import open_voice
from swaptalk_models.settings.data import ClipsConfig, FacesConfig

from .drawn import CORNERS, corners, level, numbers, onsets
from .table import SOUNDS, TARGETS, Sound, Target

pytestmark = pytest.mark.corpus


def named(case) -> str:
    return case.name.encode(errors="backslashreplace").decode()[:40]


def all_frames(path) -> np.ndarray:
    return np.concatenate(list(frames_at_25(path)))


@pytest.mark.parametrize("case", TARGETS, ids=named)
def test_target(case: Target, made):
    path = made(case)
    frames = all_frames(path)
    info = probe(path)
    assert (frames.shape[2], frames.shape[1]) == (info.width, info.height) == case.size
    if case.shows:
        assert abs(len(frames) - len(case.shows)) <= case.off_by
        common = min(len(frames), len(case.shows))
        assert numbers(frames[:common]) == list(case.shows[:common])
    elif not case.off_by:
        assert len(frames) == 50
    assert abs(length_at_25(path) - len(frames)) <= 1
    if case.colours:
        assert corners(frames[len(frames) // 2]) == list(CORNERS)
        middle = frames[len(frames) // 2]
        marks = (middle[4:12, 4:12], middle[4:12, -12:-4], middle[-12:-4, 4:12], middle[-12:-4, -12:-4])
        for name, patch in zip(CORNERS, marks, strict=True):
            seen = patch.reshape(-1, 3).mean(axis=0)
            assert np.abs(seen - CORNERS[name]).max() < 32, f"{name} is {seen.round()}"
    found = track_faces([frames[:10]], FacesConfig(), case.name)
    assert (found.confidence > 0).all(), "a face, with its proportions"


@pytest.mark.parametrize("case", TARGETS, ids=named)
def test_a_training_sees_what_a_generation_sees(case: Target, made, tmp_path):
    path = made(case)
    if not probe(path).has_audio:
        pytest.skip("no sound: nothing to train on")
    clip = cut_clip(path, tmp_path / "clip.mp4", tmp_path / "clip.wav", None, None, ClipsConfig(crf=4, min_seconds=0.1))
    theirs, ours = all_frames(tmp_path / "clip.mp4").astype(int), all_frames(path).astype(int)
    assert clip.frames == len(theirs) == len(ours)
    even = ours[:, : theirs.shape[1], : theirs.shape[2]]
    assert np.abs(even - theirs).mean() < 4


@pytest.mark.parametrize("case", SOUNDS, ids=named)
def test_sound(case: Sound, made):
    path = made(case)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        heard = read_audio(path, zero="first")
    assert len(heard) / 16000 == pytest.approx(case.seconds, abs=0.12)
    assert onsets(heard, 16000) == pytest.approx(case.onsets, abs=0.06 if case.seconds < 4 else 0.1)
    spoken = heard[: 16000 * 2]
    if len(case.onsets) == 3 and case.seconds == 2.0:
        assert level(spoken) == pytest.approx(case.level, abs=1.0)
    assert [str(each.message) for each in said if case.says and case.says in str(each.message)] or not case.says
    voice = open_voice(path)
    assert (voice.rate, voice.layout) == (case.rate, case.layout)
    played = np.concatenate(list(voice.pieces), axis=1)
    assert len(played) == voice.channels and played.shape[1] / voice.rate == pytest.approx(len(heard) / 16000, abs=0.01)
    loudest = np.abs(played).max(axis=0)
    assert onsets(loudest, voice.rate) == pytest.approx(onsets(heard, 16000), abs=0.005), (
        "what is seen is what is heard"
    )
