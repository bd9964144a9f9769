"""classical/skin.py"""

import numpy as np

from swaptalk_models.classical.skin import STRENGTH, match_skin
from swaptalk_models.data.faces.alignment import template_landmarks


def test_the_sources_skin_moves_towards_the_targets():
    points = template_landmarks(64)
    dark, light = np.full((64, 64, 3), (80, 50, 40), np.uint8), np.full((64, 64, 3), (200, 150, 120), np.uint8)
    matched = match_skin(dark, points, light, points)[32, 20].astype(float)
    expected = np.array([80, 50, 40]) * (np.array([200 / 80, 150 / 50, 120 / 40]).clip(0.4, 2.5)) ** STRENGTH
    assert np.abs(matched - expected).max() <= 1


def test_equal_skin_stays_as_it_is():
    points = template_landmarks(64)
    face = np.full((64, 64, 3), (180, 130, 110), np.uint8)
    assert np.array_equal(match_skin(face, points, face, points), face)
