"""CPBD against the Python port of the authors' release, and its properties."""

import cv2
import numpy as np
import pytest
import skimage.data

from swaptalk_models.metrics.cpbd import cpbd, edge_widths

# Values of cpbd-py312 1.0.3 (a port of the authors' MATLAB release), upper left 256 px of pictures in scikit-image.
GOLDEN = {
    "astronaut": 0.3511821975,
    "coins": 0.7861842105,
    "page": 0.8892286782,
    "text": 0.8396904367,
    "chelsea": 0.5393021472,
}


@pytest.mark.parametrize("name", GOLDEN)
def test_agrees_with_the_reference_implementation(name):
    picture = getattr(skimage.data, name)()[:256, :256]
    assert cpbd(np.ascontiguousarray(picture)) == pytest.approx(GOLDEN[name], abs=1e-9)


def test_falls_with_blur():
    picture = skimage.data.coins()[:256, :256]
    values = [cpbd(picture)] + [cpbd(cv2.GaussianBlur(picture, (0, 0), sigma)) for sigma in (0.8, 1.5, 3)]
    assert values[0] > values[1] > values[2] >= values[3] and values[-1] < 0.05


@pytest.mark.parametrize("mirrored", [False, True])
def test_width_of_a_ramp_is_its_length(mirrored):
    steps = np.zeros(63)
    steps[30:34] = [10, 30, 30, 10]  # four steps up, steepest in the middle
    picture = np.tile(50 + np.concatenate([[0], np.cumsum(steps)]), (64, 1))
    widths = edge_widths(picture[:, ::-1] if mirrored else picture)
    assert np.count_nonzero(widths) == 62 and set(widths[widths > 0]) == {4}  # one edge a row, but for the border


def test_a_flat_picture_has_no_edges():
    assert cpbd(np.full((128, 128), 77, np.uint8)) == 0
