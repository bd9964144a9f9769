"""metrics/sharpness.py"""

import cv2
import numpy as np
import pytest

from swaptalk_models.metrics.face_areas import LIP, SKIN
from swaptalk_models.metrics.sharpness import detail, noise_gain

from .drawn_face import blurred, drawn_face, face_areas, noisy

EYE = 3


def passed(sigma: float, length: float) -> float:
    """What a Gaussian leaves of a wave."""
    return float(np.exp(-((2 * np.pi * sigma / length) ** 2) / 2))


@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_wave_of_eight_pixels_of_256(size):
    length = 8 * size / 256
    swing = np.sin(2 * np.pi * np.arange(size) / length)
    picture = np.round(128 + 40 * np.broadcast_to(swing[None, :, None], (size, size, 3))).astype(np.uint8)
    areas = np.full((size, size), EYE, np.uint8)
    expected = 40 * np.abs(swing).mean() * (passed(1, 8) - passed(2, 8))
    # at 128 px sigma is half a pixel, for which OpenCV's kernel is coarse: hence the tolerance
    assert detail(picture, areas, 0)[0] == pytest.approx(expected, rel=0.15 if size == 128 else 0.04)


def test_noise_gain_is_what_noise_gives():
    noise = np.random.default_rng(0).normal(size=(400, 400))
    found = np.abs(cv2.GaussianBlur(noise, (0, 0), 1.5) - cv2.GaussianBlur(noise, (0, 0), 3)).mean()
    assert noise_gain(1.5, 3) == pytest.approx(found, rel=0.03)


def test_blur_takes_it_and_noise_does_not_bring_it_back():
    target, points = drawn_face()
    areas = face_areas(points, 256)
    sharp, soft = detail(target, areas, 0), detail(blurred(target), areas, 0)
    assert soft[0] < 0.7 * sharp[0] and soft[1] < 0.7 * sharp[1]
    assert detail(noisy(blurred(target), 8), areas, 8)[0] < 1.1 * soft[0]


def test_the_mouth_is_apart_and_skin_does_not_count():
    target, points = drawn_face()
    areas = face_areas(points, 256)
    mouth = np.where((areas == LIP)[..., None], blurred(target), target)
    assert detail(mouth, areas, 0)[1] < 0.8 * detail(target, areas, 0)[1]
    skin = np.where((areas == SKIN)[..., None], 255 - target, target)
    far = cv2.erode((areas > SKIN).astype(np.uint8), np.ones((17, 17))) * areas  # out of the octave's reach
    assert detail(skin, far, 0)[0] == pytest.approx(detail(target, far, 0)[0], rel=0.02)
    assert np.isnan(detail(target, np.zeros_like(areas), 0)[0])
