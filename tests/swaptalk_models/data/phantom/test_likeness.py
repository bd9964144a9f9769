"""Phantoms against figures of real footage, and the details that a prior for real faces has to have seen."""

import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import crop_affines, crop_face
from swaptalk_models.data.phantom.camera import Shooting
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.settings.data import CropsConfig

STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
FACE = np.s_[36:118, 34:94]

# 10th and 90th percentile over 105 aligned crops of 128 px, five frames of each of 21 filmed faces: deviation of the
# levels of a Laplacian pyramid of the grey face, grey values 0..255.
REAL_BANDS = ((6.5, 14.0), (8.5, 17.7), (10.1, 21.1), (10.2, 20.4), (7.0, 19.9))
REAL_CHEEK_CHROMA = (14.2, 29.2)
"""The same of the chroma (CIELAB) of the cheeks."""


def _crop(index: int, **motion: float) -> np.ndarray:
    person = make_person(index)
    image, points = Renderer(person, 256).frame(STILL | motion)
    image = Shooting(person.camera, 256, index).frame(image, 0)
    return crop_face(image, crop_affines(points[None], CropsConfig(size=128, smooth_frames=0))[0], 128)


def _bands(crop: np.ndarray) -> list[float]:
    level, bands = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32), []
    for k in range(5):
        low = cv2.pyrDown(level)
        detail = level - cv2.pyrUp(low, dstsize=level.shape[::-1])
        bands.append(float(detail[tuple(slice(s.start >> k, s.stop >> k) for s in FACE)].std()))
        level = low
    return bands


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    return [_crop(k, opening=0.4, yaw=0.05) for k in range(16)]


def test_detail_of_every_size_is_as_strong_as_in_real_faces(crops):
    for level, ((low, high), value) in enumerate(
        zip(REAL_BANDS, np.median([_bands(crop) for crop in crops], 0), strict=True)
    ):
        assert low < value < high, f"level {level}"


def test_skin_is_as_colourful_as_real_skin(crops):
    lab = [cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for crop in crops]
    chroma = [np.hypot(*np.moveaxis(image[70:86, np.r_[42:52, 76:86], 1:], -1, 0)).mean() for image in lab]
    assert REAL_CHEEK_CHROMA[0] < np.median(chroma) < REAL_CHEEK_CHROMA[1]
    assert np.ptp(chroma) > 6


def test_people_go_from_dark_to_fair(crops):
    brightness = [crop[FACE].mean() for crop in crops]
    assert min(brightness) < 95 and max(brightness) > 150


def test_skin_is_rough_even_where_nothing_is_drawn():
    person = make_person(3)
    image, points = Renderer(person, 256).frame(STILL)
    x, y = ((points[2] + points[31]) / 2).round().astype(int)
    cheek = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[y - 6 : y + 7, x - 6 : x + 7].astype(np.float32)
    assert 0.4 < (cheek - cv2.GaussianBlur(cheek, (0, 0), 2)).std() < 8


@pytest.mark.parametrize("index", range(6))
def test_an_open_mouth_shows_teeth_above_a_dark_cavity(index):
    image, points = Renderer(make_person(index), 256).frame(STILL | {"opening": 0.8})
    x = round(float(points[62, 0])) + 2
    top, bottom = round(float(points[62, 1])), round(float(points[66, 1]))
    column = image[top : bottom + 1, x - 2 : x + 3].astype(float).mean(1)
    grey = column.mean(1)
    teeth = int(grey[: len(grey) // 2].argmax())
    assert grey[teeth] > grey.min() + 40, "a bright row above the dark"
    assert grey[teeth:].argmin() > 0 and grey.min() < 75
    assert np.ptp(column[teeth]) < 0.45 * column[teeth].max(), "teeth are near to white"


def test_teeth_come_apart_in_single_ones():
    from swaptalk_models.data.phantom.teeth import teeth_row

    u = np.linspace(-0.2, 0.2, 801, dtype=np.float32)[None]
    row = teeth_row(make_person(1), u, upper=True)
    gaps = (row.gap[0, 1:-1] > 0.8) & (row.gap[0, 1:-1] >= row.gap[0, 2:]) & (row.gap[0, 1:-1] >= row.gap[0, :-2])
    middles = u[0, 1:-1][gaps]
    assert np.abs(middles).min() < 0.003, "one gap is in the middle"
    assert 5 <= 1 + (np.diff(middles) > 0.02).sum() <= 8 and row.edge.max() > row.edge.min() + 0.008
