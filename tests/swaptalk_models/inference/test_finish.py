"""inference/finish.py"""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.light import Light
from swaptalk_models.classical.lips import MOUTH
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.faces.face_track import TRACKED, FaceTrack
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.inference.finish import LARGEST, Finish, Spoken
from swaptalk_models.inference.paste import paste_face
from swaptalk_models.metrics.crop_judges import crop_openings
from swaptalk_models.settings.data import CropsConfig

STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
CROPS = CropsConfig(size=48)
FRAMES = 5


def a_finish(
    frame_size: int, crops: CropsConfig = CROPS, enlarged: int = 1
) -> tuple[Finish, np.ndarray, np.ndarray, FaceTrack]:
    """A phantom on itself: finish, frame, affines and track. ``enlarged``: so many times after it was drawn."""
    frame, landmarks = Renderer(make_person(9), size=frame_size).frame(STILL)
    frame, landmarks = cv2.resize(frame, None, fx=enlarged, fy=enlarged), landmarks * np.float32(enlarged)
    track = FaceTrack(
        box=np.zeros((FRAMES, 4), np.float32),
        landmarks=np.repeat(landmarks[None], FRAMES, axis=0),
        confidence=np.ones(FRAMES, np.float32),
        status=np.full(FRAMES, TRACKED, np.uint8),
    )
    affines = crop_affines(track.landmarks, crops)
    light = Light.measure(frame, landmarks)
    return Finish(frame, landmarks, light, track, affines, crops, grid=12), frame, affines, track


def test_a_face_comes_back_at_the_frames_resolution():
    finish, frame, affines, track = a_finish(420)
    made = crop_face(frame, affines[0], CROPS.size)
    detailed = paste_face(frame, *finish.on(made, 2), match_colour=0)
    plain = paste_face(frame, made, affines[2], apply_affine(track.landmarks[2], affines[2]), match_colour=0)
    face = np.s_[170:260, 150:270]
    lost, left = (np.abs(image[face].astype(float) - frame[face]).mean() for image in (plain, detailed))
    assert left < 0.5 * lost


def test_crop_affine_and_landmarks_belong_together():
    finish, frame, affines, track = a_finish(420)
    face, affine, landmarks = finish.on(crop_face(frame, affines[0], CROPS.size), 0)
    assert face.dtype == np.uint8 and face.shape == (len(face), len(face), 3) and len(face) % 16 == 0
    scale = np.sqrt(np.linalg.det(affine[:, :2]))
    assert 0.9 < scale <= 1.2, "a pixel of the crop is about one of the frame"
    np.testing.assert_allclose(landmarks, apply_affine(track.landmarks[0], affine), atol=1e-3)
    corner = apply_affine(np.float32([[-0.5, -0.5]]), np.float32([[1, 0, 0], [0, 1, 0]]))
    small = apply_affine(corner, np.linalg.inv(np.vstack([affines[0], [0, 0, 1]]))[:2])
    np.testing.assert_allclose(apply_affine(small, affine), corner, atol=1e-3)


@pytest.mark.parametrize(
    ("frame_size", "crops", "enlarged", "wanted"),
    [(140, CropsConfig(size=128), 1, 128), (220, CROPS, 10, LARGEST)],
    ids=["small", "large"],
)
def test_no_smaller_than_what_was_made_and_no_larger_than_needed(frame_size, crops, enlarged, wanted):
    finish, frame, affines, _ = a_finish(frame_size, crops, enlarged)
    assert len(finish.on(crop_face(frame, affines[0], crops.size), 0)[0]) == wanted


def spoken(made: np.ndarray, affines: np.ndarray, track: FaceTrack, by: float) -> Spoken:
    """A mouth whose lower lip is ``by`` px further down than the frame's."""
    found = apply_affine(track.landmarks[0], affines[0])
    mouth = found[MOUTH].copy()
    mouth[[7, 8, 9, 10, 11, 17, 18, 19], 1] += by
    return Spoken(made, found, found, mouth)


def test_lips_go_where_they_were_spoken():
    finish, frame, affines, track = a_finish(420)
    made = crop_face(frame, affines[0], CROPS.size)
    still, opened = (finish.on(made, 0, spoken(made, affines, track, by))[0] for by in (0.0, 4.0))
    openings = crop_openings(np.stack([still, opened]), finish.on(made, 0)[2])
    assert openings[1] > openings[0] + 0.08
    upper = np.s_[: len(still) // 2]
    assert np.abs(still[upper].astype(int) - opened[upper]).mean() < 0.5


def test_teeth_are_the_targets_where_it_shows_them_else_the_sources():
    finish, frame, affines, track = a_finish(420)
    made = crop_face(frame, affines[0], CROPS.size)
    wide = spoken(made, affines, track, 6.0)
    without = finish.on(made, 0, wide)[0]
    green = np.zeros_like(frame) + np.array([0, 250, 0], np.uint8)
    finish.take_teeth(green, 1)
    assert np.array_equal(finish.on(made, 0, wide)[0], without), (
        "the mouth of this frame is closed, and so is the source's"
    )
    track.landmarks[1, [55, 56, 57, 58, 59, 65, 66, 67], 1] += 30
    other = Finish(frame, track.landmarks[0], Light.measure(frame, track.landmarks[0]), track, affines, CROPS, 12)
    other.take_teeth(green, 1)
    shown = other.on(made, 0, wide)[0].astype(int)
    assert ((shown[..., 1] - shown[..., 0] > 60).mean()) > 0.002, "what that frame shows between its lips"
