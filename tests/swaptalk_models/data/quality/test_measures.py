"""What the gates go by, measured on drawn people to whom one bad thing was done, and on real clips, which are fine."""

import itertools
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import TEMPLATE, crop_affines, crop_face
from swaptalk_models.data.faces.face_track import MEASURE_EVERY
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.phantom.motion import Motion, perform
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.data.phantom.speech import AUDIO_RATE, speak
from swaptalk_models.data.quality.gates import judge
from swaptalk_models.data.quality.measures import (
    blur,
    crop_measures,
    sound_measures,
    track_measures,
    yaw_degrees,
)
from swaptalk_models.settings.data import CropsConfig, FacesConfig, QualityConfig

FRAMES = 60


@pytest.fixture(scope="module")
def speech():
    return speak(make_person(0, 0).voice, FRAMES / 25, np.random.default_rng(1))


@pytest.fixture(scope="module")
def talking(speech) -> np.ndarray:
    """A drawn person who speaks, (60, 256, 256, 3)."""
    return draw(speech)


def draw(speech, **changes) -> np.ndarray:
    person = make_person(0, 0)
    motion = replace(perform(speech, FRAMES, np.random.default_rng(2), person.liveliness), **changes)
    renderer = Renderer(person, 256)
    return np.stack([renderer.frame(motion.frame(i))[0] for i in range(FRAMES)])


def picture_verdict(frames: np.ndarray, size: int = 64) -> dict[str, str]:
    """Reasons of the gates on a clip's picture."""
    track = track_faces([frames], FacesConfig(min_face=20), "made", len(frames))
    affines = crop_affines(track.landmarks, CropsConfig(size=size))
    blurs = [blur(crop_face(frames[i], affines[i], size)) for i in range(0, len(frames), MEASURE_EVERY)]
    outputs = {
        "face_tracks": {"quality": track_measures(track)},
        "face_crops": {"quality": crop_measures(affines, blurs)},
    }
    return judge(outputs, QualityConfig()).reasons


def test_a_healthy_clip_is_not_marked(talking):
    assert picture_verdict(talking) == {}


@pytest.mark.parametrize("size", [64, 128, 256])
def test_blurred(talking, size):
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 5) for frame in talking])
    assert list(picture_verdict(blurred, size)) == ["blurred"]
    assert "blurred" not in picture_verdict(talking, size)


def test_small(talking):
    small = np.stack([cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in talking])
    assert "small" in picture_verdict(small, 256) and "small" not in picture_verdict(talking, 256)


def test_turned_away(speech):
    sideways = draw(speech, yaw=np.full(FRAMES, -0.8, np.float32))
    assert list(picture_verdict(sideways)) == ["turned"]
    a_glance = np.zeros(FRAMES, np.float32)
    a_glance[20:30] = -0.8  # a sixth of the frames
    assert picture_verdict(draw(speech, yaw=a_glance)) == {}


def test_hidden_by_something_over_the_mouth(talking):
    hidden = talking.copy()
    mouths = track_faces([talking], FacesConfig()).landmarks[:, 48:].mean(axis=1).astype(int)
    for frame, (x, y) in zip(hidden, mouths, strict=True):  # a hand of the colour of the skin
        cv2.ellipse(frame, (int(x), int(y) - 6), (34, 40), 0, 0, 360, frame[120, 128].tolist(), -1, cv2.LINE_AA)
    assert list(picture_verdict(hidden)) == ["hidden"]


def test_hidden_now_and_then(talking):
    away = talking.copy()
    away[20:35] = 90
    reasons = picture_verdict(away)
    assert list(reasons) == ["lost"] and "not seen in 25% of the frames, allowed 20%" in reasons["lost"]


def turned(degrees: float) -> np.ndarray:
    """Landmarks of the head model, turned sideways; those that it does not have stay the template's."""
    from swaptalk_models.data.quality.measures import _DEPTH, _HEAD

    angle, points = np.radians(degrees), TEMPLATE.astype(np.float64).copy()
    points[_HEAD, 0] = np.cos(angle) * points[_HEAD, 0] + np.sin(angle) * _DEPTH
    return points


def test_yaw_of_a_turned_head_at_any_size_place_and_tilt():
    tilt = np.array([[0.9, -0.3], [0.3, 0.9]])
    landmarks = np.stack([300 * turned(degrees) @ tilt.T + 50 for degrees in (-40, -10, 0, 25)])
    np.testing.assert_allclose(yaw_degrees(landmarks), [-40, -10, 0, 25], atol=0.5)


def test_yaw_follows_the_drawn_heads_truth():
    person = make_person(3, 0)
    still = {field.name: np.zeros(1, np.float32) for field in fields(Motion)} | {"zoom": np.ones(1, np.float32)}
    truths = np.float32([-0.5, -0.25, 0, 0.25, 0.5])
    drawn = [Renderer(person, 256).frame(Motion(**still | {"yaw": truths[i : i + 1]}).frame(0))[1] for i in range(5)]
    found = yaw_degrees(np.stack(drawn))
    assert (np.diff(np.abs(found))[[0, 1]] < 0).all() and (np.diff(np.abs(found))[[2, 3]] > 0).all()
    assert np.abs(np.abs(found) - np.degrees(np.abs(truths))).max() < 16, "drawn heads turn on a cylinder"


def sound_verdict(audio: np.ndarray) -> dict[str, str]:
    return judge({"mels": {"quality": sound_measures(audio)}}, QualityConfig()).reasons


def test_sound_silent_or_clipped(speech):
    audio = speech.audio[: AUDIO_RATE * 2 // 3 * 3 : 3].astype(np.float32)  # 14.7 kHz is near enough to 16
    assert sound_verdict(audio) == {} and sound_verdict(0.05 * audio) == {}
    assert list(sound_verdict(1e-3 * audio)) == ["silent"]
    assert list(sound_verdict(np.zeros(40, np.float32))) == ["silent"], "shorter than one piece"
    loud = 4 * audio / np.abs(audio).max()
    assert list(sound_verdict(np.clip(loud, -1, 1))) == ["clipped"]


def test_what_cannot_be_measured_stops_nothing():
    assert blur(np.zeros((64, 64, 3), np.uint8)) == 1.0
    found = crop_measures(np.full((3, 2, 3), np.nan, np.float32), [0.5])
    assert found == {"blur": 0.5}, "the ledger takes no NaN"
    assert np.isfinite(yaw_degrees(np.zeros((2, 68, 2)))).all()


def test_a_short_clip_is_not_judged_by_two_looks(talking):
    track = track_faces([talking[:30]], FacesConfig())
    assert len(track.doubt) == 2 and "doubt" not in track_measures(track)


def test_looks_at_frames_without_a_face_do_not_count(talking):
    away = talking.copy()
    away[23:28] = 90
    assert len(track_faces([away], FacesConfig()).doubt) == 2 and len(track_faces([talking], FacesConfig()).doubt) == 3


@pytest.mark.real
def test_no_real_clip_is_marked(real_clips):
    from swaptalk_models.data.media.audio import read_audio
    from swaptalk_models.data.media.video import read_frames

    for path in sorted((real_clips / "clips").glob("*.mp4"))[:3]:
        frames = np.concatenate(list(itertools.islice(read_frames(path), 5)))
        assert picture_verdict(frames, 128) == {}, path.name
        assert sound_verdict(read_audio(path)) == {}, path.name
