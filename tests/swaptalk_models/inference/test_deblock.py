import numpy as np
import pytest

from swaptalk_models.inference.deblock import _along, deblock

CELL, GRID = 8, 4
ALL = np.ones((GRID, GRID), bool)


def ramp() -> np.ndarray:
    """A smooth picture, two frames of it."""
    y, x = np.mgrid[: GRID * CELL, : GRID * CELL].astype(np.float32)
    return np.stack([60 + 2 * x + y, 60 + x + 2 * y, 100 + x - y], -1)[None].repeat(2, 0)


def tiled(seed: int = 0) -> np.ndarray:
    """The same, in which every cell misses its colour a little."""
    miss = np.random.default_rng(seed).normal(0, 15, (2, GRID, GRID, 3))
    return np.clip(ramp() + miss.repeat(CELL, 1).repeat(CELL, 2), 0, 255).astype(np.uint8)


def steps(images: np.ndarray) -> float:
    """Mean jump between cells, beyond the picture's own slope of 1 to 2."""
    images = images.astype(np.float32)
    down = np.abs(np.diff(images, axis=1))[:, CELL - 1 :: CELL]
    right = np.abs(np.diff(images, axis=2))[:, :, CELL - 1 :: CELL]
    return float((down.mean() + right.mean()) / 2)


def test_tiles_go_and_the_picture_comes_nearer_to_the_true_one():
    images = tiled()
    smooth = deblock(images, ALL)
    assert steps(images) > 12 and steps(smooth) < 4
    assert np.abs(smooth - ramp()).mean() < 0.8 * np.abs(images - ramp()).mean()


def test_a_smooth_picture_stays():
    images = ramp().astype(np.uint8)
    assert np.abs(deblock(images, ALL).astype(int) - images).max() <= 1


def test_detail_that_crosses_an_edge_stays():
    """Stripes finer than a cell, which begin at an edge, step up and down along it, but not on average."""
    stripes = np.full((1, GRID * CELL, GRID * CELL, 3), 100, np.float32)
    stripes[:, CELL:, ::2] += 60
    stripes[:, CELL:, 1::2] -= 60
    assert np.array_equal(_along(stripes, ALL, CELL), stripes)


def test_only_made_cells_are_touched():
    made = np.zeros_like(ALL)
    made[1:3, 1:3] = True
    images = tiled()
    smooth = deblock(images, made)
    untouched = ~made.repeat(CELL, 0).repeat(CELL, 1)
    assert np.array_equal(smooth[:, untouched], images[:, untouched])
    edge = np.abs(np.diff(smooth[:, CELL - 2 : CELL + 1, CELL : 3 * CELL].astype(np.float32), axis=1))
    before = np.abs(np.diff(images[:, CELL - 2 : CELL + 1, CELL : 3 * CELL].astype(np.float32), axis=1))
    assert edge[:, 1].mean() < 0.5 * before[:, 1].mean(), "the made one comes all the way"


@pytest.mark.parametrize(("cell", "made"), [(8, np.zeros((GRID, GRID), bool)), (2, ALL)])
def test_nothing_to_do(cell, made):
    images = np.random.default_rng(0).integers(0, 256, (1, GRID * cell, GRID * cell, 3), dtype=np.uint8)
    assert np.array_equal(deblock(images, made), images)
