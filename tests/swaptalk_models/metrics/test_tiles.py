"""metrics/tiles.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.face_areas import SKIN
from swaptalk_models.metrics.tiles import BorderProfile, tile_ratio

from .drawn_face import drawn_face, face_areas, tiled


def stairs(size: int, cell: int, across: int, inside: int, phase: int = 0) -> np.ndarray:
    """Steps of `inside` levels from pixel to pixel, of `across` from cell to cell, up and down in turn, both ways."""
    steps = np.where((np.arange(1, size) - phase) % cell == 0, across, inside) * np.where(np.arange(1, size) % 2, 1, -1)
    line = np.concatenate([[0], np.cumsum(steps)])
    picture = line[:, None] + line[None]
    return (picture - picture.min()).astype(np.uint8)[..., None].repeat(3, axis=2)


def profile(image: np.ndarray) -> BorderProfile:
    found = BorderProfile(len(image))
    found.add(image, np.full(image.shape[:2], SKIN, np.uint8))
    return found


@pytest.mark.parametrize("phase", [0, 3])
@pytest.mark.parametrize("size, cell", [(256, 8), (192, 8), (512, 16)])
def test_step_across_borders_over_step_inside(size, cell, phase):
    made, smooth = (profile(stairs(size, cell, step, 2, phase)) for step in (6, 2))
    assert made.contrast(size / cell) == pytest.approx(3, rel=0.03)
    assert tile_ratio(made, smooth) == pytest.approx(3, rel=0.03)
    assert tile_ratio(smooth, smooth) == 1 and tile_ratio(smooth, made) < 1.02


@pytest.mark.parametrize("cells", [8, 12, 16, 24, 32, 48, 64])
def test_stronger_tiles_count_more_whatever_the_grid(cells):
    found = []
    for strength in (0, 3, 9):
        ours, theirs = BorderProfile(256), BorderProfile(256)
        for frame in range(4):
            target, points = drawn_face(256, frame)
            areas = face_areas(points, 256)
            ours.add(tiled(target, cells, strength, frame), areas)
            theirs.add(target, areas)
        found.append(tile_ratio(ours, theirs))
    assert found[0] == 1 and 1.1 < found[1] < found[2]


def test_what_is_no_skin_does_not_count():
    target, points = drawn_face()
    areas = face_areas(points, 256)
    made = np.where((areas == SKIN)[..., None], target, tiled(target, 32, 20))
    ours, theirs = BorderProfile(256), BorderProfile(256)
    ours.add(made, areas)
    theirs.add(target, areas)
    assert tile_ratio(ours, theirs) == 1


def test_profiles_do_not_grow():
    found = BorderProfile(128)
    before = found.logs.nbytes + found.counts.nbytes
    for _ in range(3):
        found.add(stairs(128, 8, 3, 1), np.full((128, 128), SKIN, np.uint8))
    assert found.logs.nbytes + found.counts.nbytes == before and found.counts[0, 5] == 3 * 128
