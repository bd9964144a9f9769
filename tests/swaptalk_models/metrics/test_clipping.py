"""metrics/clipping.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.clipping import clipped_share, coloured_shares
from swaptalk_models.metrics.face_areas import NOSE, SKIN

from .drawn_face import crumbed, drawn_face, face_areas, glinting, relit


def test_clipped_pixels_in_percent_of_the_face():
    image, areas = np.full((100, 100, 3), 120, np.uint8), np.full((100, 100), SKIN, np.uint8)
    areas[50:] = 0
    assert clipped_share(image, areas) == 0
    image[:10, :10, 0] = 255
    image[20:25, :10, 2] = 1
    image[60:] = 0
    assert clipped_share(image, areas) == pytest.approx(100 * 150 / 5000)
    assert np.isnan(clipped_share(image, np.zeros_like(areas)))


def test_coloured_pixels_in_percent_of_skin_and_nose():
    target = np.full((256, 256, 3), (190, 145, 120), np.uint8)
    areas = np.full((256, 256), SKIN, np.uint8)
    areas[:, :128] = NOSE
    made = target.copy()
    made[:64] = (165, 120, 210)
    assert coloured_shares(made, target, areas, areas) == (pytest.approx(25, abs=1), 0)
    assert coloured_shares(target, made, areas, areas) == (0, pytest.approx(25, abs=1))
    made[:64] = (60, 45, 38)
    assert coloured_shares(made, target, areas, areas)[0] < 1, "a shadow is no colour"
    made[:64] = (235, 230, 225)
    assert coloured_shares(made, target, areas, areas)[0] < 1, "nor is a highlight"


@pytest.mark.parametrize("size", [128, 256, 512])
def test_glints_and_crumbs_apart(size):
    target, points = drawn_face(size)
    areas = face_areas(points, size)
    pictures = {"glints": glinting(target, points), "crumbs": crumbed(target, points), "light": relit(target)}
    both = {
        name: (clipped_share(made, areas), coloured_shares(made, target, areas, areas)[0])
        for name, made in pictures.items()
    }
    assert both["glints"][0] > 0.5 and both["glints"][1] < 0.1
    assert both["crumbs"][1] > 0.5 and both["crumbs"][0] < 0.1
    assert max(both["light"]) < 0.1, "the whole face's other colour is none that it does not have"
