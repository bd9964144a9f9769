"""metrics/blotches.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.blotches import blotches
from swaptalk_models.metrics.face_areas import SKIN

from .drawn_face import blotched, drawn_face, face_areas, relit


def waves(size: int, length: float, height: float, level: float = 128) -> np.ndarray:
    """Brightness that swings by a share `height` over `length` (share of the side)."""
    swing = np.sin(2 * np.pi * (np.arange(size) + 0.5) / size / length)
    return np.round(level * (1 + height * np.broadcast_to(swing[None, :, None], (size, size, 3)))).astype(np.uint8)


def figure(made: np.ndarray, target: np.ndarray) -> float:
    areas = np.full(made.shape[:2], SKIN, np.uint8)
    return blotches(made, target, areas, areas)


@pytest.mark.parametrize("size", [128, 256, 640])
def test_waves_of_a_fifth_of_the_face(size):
    """A wave passes a Gaussian of sigma s (shares of the side) by exp(-(2 pi s / length)^2 / 2)."""
    length, height = 0.2, 0.1
    passed = np.exp(-((2 * np.pi / 64 / length) ** 2) / 2) - np.exp(-((2 * np.pi * 5 / 64 / length) ** 2) / 2)
    expected = passed * height * 128 / 136 / np.sqrt(2) * 128  # 8 of 136 levels are the constant before the logarithm
    assert figure(waves(size, length, height), waves(size, length, 0)) == pytest.approx(expected, rel=0.08), (
        "less at the rim"
    )


def test_what_is_larger_or_smaller_hardly_counts():
    flat, usual = waves(256, 1, 0), figure(waves(256, 0.2, 0.1), waves(256, 1, 0))
    assert figure(waves(256, 1.5, 0.1), flat) < 0.2 * usual, "light from the side"
    assert figure(waves(256, 0.02, 0.1), flat) < 0.2 * usual, "pores"


def test_what_the_target_has_too_does_not_count():
    target = waves(256, 0.2, 0.1)
    assert figure(target, target) == 0
    assert figure(waves(256, 0.2, 0.05), target) < 0.2, "half of it is no fault"
    assert figure(waves(256, 0.2, -0.1), target) > 5, "the opposite is"
    assert figure(waves(256, 0.2, 0.1, level=60), target) < 0.3, "nor half the light"


def test_stronger_blotches_count_more_and_other_light_hardly():
    target, points = drawn_face()
    areas = face_areas(points, 256)
    weak, strong = (blotches(blotched(target, strength), target, areas, areas) for strength in (5, 15))
    assert blotches(relit(target), target, areas, areas) < 0.6 * weak < 0.3 * strong


def test_no_skin_in_common_gives_nothing():
    target, points = drawn_face(128)
    areas = face_areas(points, 128)
    assert np.isnan(blotches(target, target, areas, np.zeros_like(areas)))
