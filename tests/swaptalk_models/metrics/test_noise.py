"""metrics/noise.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.face_areas import SKIN
from swaptalk_models.metrics.noise import noise_level

SIZE = 256
EVERYWHERE = np.full((SIZE, SIZE), SKIN, np.uint8)


def grained(strength: float) -> np.ndarray:
    return np.round(128 + np.random.default_rng(0).normal(0, strength, (SIZE, SIZE, 3))).astype(np.uint8)


@pytest.mark.parametrize("strength", [2, 5, 12])
def test_white_noise_is_measured_by_its_standard_deviation(strength):
    assert noise_level(grained(strength), EVERYWHERE) == pytest.approx(np.hypot(strength, 12**-0.5), rel=0.06)


def test_ramps_edges_and_moles_are_no_noise():
    x = np.arange(SIZE, dtype=np.uint8)[None, :, None].repeat(SIZE, axis=0).repeat(3, axis=2)
    assert noise_level(x, EVERYWHERE) == 0
    edge = np.where(x > 100, 200, 60).astype(np.uint8)
    edge[50:60, 50:60] = 0
    assert noise_level(edge, EVERYWHERE) == 0


def test_only_skin_counts():
    picture, areas = grained(10), np.zeros((SIZE, SIZE), np.uint8)
    assert np.isnan(noise_level(picture, areas))
    picture[100:200, 100:200] = 90
    areas[101:199, 101:199] = SKIN
    assert noise_level(picture, areas) == 0
