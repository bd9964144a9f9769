import dataclasses

import numpy as np
import pytest

from swaptalk_models.data.phantom.camera import Shooting
from swaptalk_models.data.phantom.people import make_person

CAMERA = dataclasses.replace(
    make_person(0).camera,
    blur=0.3,
    grain=0.0,
    colour_grain=0.0,
    contrast=1.0,
    saturation=1.0,
    sharpen=0.0,
    vignette=0.0,
)
GREY = np.full((128, 128, 3), 115, np.uint8)


def test_cameras_differ():
    cameras = [make_person(k).camera for k in range(40)]
    for trait, spread in (("blur", 0.3), ("grain", 0.006), ("contrast", 0.15), ("saturation", 0.3), ("crf", 6)):
        assert np.ptp([getattr(camera, trait) for camera in cameras]) > spread, trait
    assert all(14 <= camera.crf <= 24 for camera in cameras)


def test_noise_has_the_asked_strength_moves_and_comes_back():
    shooting = Shooting(dataclasses.replace(CAMERA, grain=0.02, white=(1, 1, 1)), 128, seed=5)
    first, second = shooting.frame(GREY, 0), shooting.frame(GREY, 1)
    assert (first.astype(float) - 115).std() == pytest.approx(0.02 * 255, rel=0.15)
    assert not np.array_equal(first, second)
    assert np.array_equal(
        first, Shooting(dataclasses.replace(CAMERA, grain=0.02, white=(1, 1, 1)), 128, 5).frame(GREY, 0)
    )


def test_white_balance_tints_a_grey_wall():
    warm = Shooting(dataclasses.replace(CAMERA, white=(1.1, 1.0, 0.9)), 128, seed=5).frame(GREY, 0).mean((0, 1))
    assert warm[0] > warm[1] + 8 > warm[2] + 16


def test_nothing_moves():
    spot = np.zeros((128, 128, 3), np.uint8)
    spot[40:43, 90:93] = 255
    taken = Shooting(dataclasses.replace(CAMERA, blur=1.5, vignette=0.1), 128, seed=5).frame(spot, 0).mean(-1)
    rows, columns = np.mgrid[:128, :128]
    taken -= taken.min()
    assert (taken * rows).sum() / taken.sum() == pytest.approx(41, abs=0.05)
    assert (taken * columns).sum() / taken.sum() == pytest.approx(91, abs=0.05)
