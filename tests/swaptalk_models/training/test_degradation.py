"""training/degradation.py"""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from swaptalk_models.settings.models import RestorerConfig
from swaptalk_models.training.degradation import degrade

CROPS = np.stack(
    [cv2.resize(np.random.default_rng(n).integers(0, 255, (12, 12, 3), np.uint8), (64, 64)) for n in range(12)]
)
NONE = RestorerConfig(blur=0.0, shrink=1.0, noise=0.0, jpeg=95, unharmed=0.0)


def harmed(**changed) -> np.ndarray:
    return degrade(CROPS, replace(NONE, **changed), np.random.default_rng(0)).astype(int)


def edges(crops) -> float:
    return float(np.abs(np.diff(crops.astype(int), axis=2)).mean())


def test_each_harm_does_what_it_is_called():
    plain = harmed()
    assert np.abs(plain - CROPS).mean() < 5, "JPEG of the best quality"
    assert edges(harmed(blur=0.05)) < 0.9 * edges(plain) and edges(harmed(shrink=6.0)) < 0.95 * edges(plain)
    assert edges(harmed(noise=40.0)) > 1.2 * edges(plain)
    assert np.abs(harmed(jpeg=5) - CROPS).mean() > 1.3 * np.abs(plain - CROPS).mean()


def test_colours_stay_where_they_are():
    crop = np.zeros((1, 64, 64, 3), np.uint8)
    crop[..., 0] = 200
    found = degrade(crop, replace(NONE, blur=0.03, shrink=2.0), np.random.default_rng(0))
    assert found.dtype == np.uint8 and np.abs(found.astype(int) - crop).max() < 6


def test_some_are_left_as_they_are_and_chance_is_the_generators():
    found = degrade(CROPS, replace(NONE, noise=40.0, unharmed=0.5), np.random.default_rng(1))
    same = [np.array_equal(one, other) for one, other in zip(found, CROPS, strict=True)]
    assert 2 <= sum(same) <= 10
    again = degrade(CROPS, replace(NONE, noise=40.0, unharmed=0.5), np.random.default_rng(1))
    assert np.array_equal(found, again)


@pytest.mark.parametrize("size", [32, 48])
def test_any_size(size):
    crops = np.stack([cv2.resize(crop, (size, size)) for crop in CROPS[:2]])
    assert degrade(crops, RestorerConfig(), np.random.default_rng(0)).shape == (2, size, size, 3)
