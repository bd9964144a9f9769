import numpy as np
import pytest

from swaptalk_models.data.phantom.features import eye_curves, lip_curves
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer

STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


@pytest.fixture(scope="module")
def renderer():
    return Renderer(make_person(4), size=192)


def test_a_frame_is_an_image_with_its_landmarks(renderer):
    image, points = renderer.frame(STILL)
    assert image.shape == (192, 192, 3) and image.dtype == np.uint8
    assert points.shape == (68, 2) and points.dtype == np.float32
    assert (points > 0).all() and (points < 192).all()
    again, _ = renderer.frame(STILL)
    assert np.array_equal(image, again), "a frame leaves nothing behind"


def test_opening_moves_lips_and_chin_and_shows_a_dark_mouth(renderer):
    shut, a = renderer.frame(STILL)
    wide, b = renderer.frame(STILL | {"opening": 1.0})
    assert np.linalg.norm(a[66] - a[62]) < 1.5 and np.linalg.norm(b[66] - b[62]) > 12
    assert b[8, 1] > a[8, 1] + 8 and np.allclose(a[:17:16], b[:17:16], atol=0.5)
    x, y = b[66].round().astype(int) - (0, 7)
    assert wide[y, x].sum() < shut[y, x].sum() - 60
    assert np.array_equal(shut[:90], wide[:90]), "the upper face stays still"


def test_a_blink_covers_both_eyes(renderer):
    seen, a = renderer.frame(STILL)
    shut, b = renderer.frame(STILL | {"blink": 1.0})
    for eye in (slice(36, 42), slice(42, 48)):
        assert np.ptp(b[eye, 1]) < 0.75 * np.ptp(a[eye, 1])
        x, y = a[eye].mean(0).round().astype(int)
        change = np.abs(seen.astype(float) - shut)
        assert change[y - 3 : y + 4, x - 5 : x + 6].mean() > 20 and change[y + 25 :].max() == 0


def test_the_nose_moves_with_a_turn_and_more_than_the_eyes(renderer):
    _, a = renderer.frame(STILL)
    _, b = renderer.frame(STILL | {"yaw": 0.2})
    nose, eyes = b[30, 0] - a[30, 0], (b[36:48, 0] - a[36:48, 0]).mean()
    assert nose > eyes + 1.5


def test_roll_turns_the_landmarks(renderer):
    _, points = renderer.frame(STILL | {"roll": 0.1})
    across = points[42:48].mean(0) - points[36:42].mean(0)
    assert np.arctan2(across[1], across[0]) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("index", range(8))
def test_lips_and_lids_never_cross(index):
    person, s = make_person(index), np.linspace(-1, 1, 41)
    for change in (
        {},
        {"press": 1.0},
        {"tuck": 1.0},
        {"opening": 1.0, "spread": -1.0},
        {"opening": 0.3, "spread": 1.0},
    ):
        top, inner_top, inner_bottom, bottom = lip_curves(person, STILL | change, s)
        assert (top <= inner_top + 1e-6).all() and (inner_bottom <= bottom + 1e-6).all()
        assert (inner_top <= inner_bottom + 0.013).all()
    for blink in (0.0, 0.5, 1.0):
        upper, lower = eye_curves(person, 1, blink, s)
        assert (upper <= lower + 1e-6).all()
