"""classical/jaw.py: the chin goes with the lips that were made, and nothing else moves."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.jaw import DROP, with_chin
from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer

STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    return Renderer(make_person(9), size=320).frame(STILL)


def marked(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The frame in grey with a green dot at each of these points."""
    grey = np.full_like(frame, 128)
    for x, y in points:
        cv2.circle(grey, (round(float(x)), round(float(y))), 3, (0, 255, 0), -1)
    return grey


def dot(frame: np.ndarray, near: np.ndarray, reach: int = 24) -> np.ndarray:
    """Where the dot is that lies nearest to a point."""
    x, y = np.round(near).astype(int)
    green = frame[..., 1].astype(float) - frame[..., 0]
    window = np.clip(green[y - reach : y + reach, x - reach : x + reach], 0, None)
    rows, columns = np.mgrid[y - reach : y + reach, x - reach : x + reach]
    return np.array([(columns * window).sum(), (rows * window).sum()]) / window.sum()


@pytest.mark.parametrize("apart", [0.12, -0.12])
@pytest.mark.parametrize("turn", [0, 30])
def test_the_chin_goes_as_far_as_the_lips_say(face, apart, turn):
    frame, landmarks = face
    about = cv2.getRotationMatrix2D((160, 160), turn, 0.8)
    landmarks = landmarks @ about[:, :2].T.astype(np.float32) + about[:, 2].astype(np.float32)
    eyes = interocular(landmarks[None])[0]
    down = (landmarks[8] - landmarks[27]) / np.linalg.norm(landmarks[8] - landmarks[27])
    moved = with_chin(marked(frame, landmarks[[8]]), landmarks, apart)
    way = dot(moved, landmarks[8] + DROP * apart * eyes * down) - landmarks[8]
    assert way @ down == pytest.approx(DROP * apart * eyes, rel=0.15)
    assert abs(way @ [down[1], -down[0]]) < 0.5


def test_lips_eyes_nose_neck_and_background_stay(face):
    frame, landmarks = face
    eyes = interocular(landmarks[None])[0]
    moved = with_chin(frame, landmarks, -0.15)
    change = np.abs(moved.astype(int) - frame).max(axis=2)
    assert change.max() > 20
    nose = int(landmarks[33, 1])
    assert not change[: int(nose - 0.5 * eyes) - 1].any()
    assert np.quantile(change[:nose], 0.99) <= 3
    assert not change[int(landmarks[8, 1] + 1.7 * eyes) :].any()
    stays = marked(frame, landmarks[48:60])
    for number in (48, 51, 54, 57):
        where = dot(with_chin(stays, landmarks, -0.15), landmarks[number], 4)
        np.testing.assert_allclose(where, dot(stays, landmarks[number], 4), atol=0.6)


def test_what_nobody_sees_costs_nothing(face):
    frame, landmarks = face
    assert with_chin(frame, landmarks, 0.0) is frame
    assert with_chin(frame, landmarks, 0.004) is frame


def test_no_chin_flies_off_and_a_cut_face_is_no_error(face):
    frame, landmarks = face
    far = with_chin(frame, landmarks, 9.0)
    assert np.array_equal(far, with_chin(frame, landmarks, 0.5))
    below = int(landmarks[8, 1]) + 3
    assert with_chin(frame[:below], landmarks, -0.1).shape == (below, 320, 3)
    beside = landmarks - np.float32([120, 0])
    assert with_chin(frame, beside, -0.1).shape == frame.shape
    assert with_chin(frame, landmarks + np.float32(900), -0.1) is frame
