import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.regions import REGIONS, downsample_labels, region_labels


def label_at(labels: np.ndarray, point: np.ndarray, size: int) -> str:
    cell = len(labels) / size
    return REGIONS[labels[int(point[1] * cell), int(point[0] * cell)]]


@pytest.mark.parametrize("size, grid", [(64, 32), (256, 32), (256, 64)])
def test_each_landmark_lies_in_its_region(size, grid):
    points = template_landmarks(size)
    labels = region_labels(points, size, grid)
    assert labels.shape == (grid, grid) and labels.dtype == np.uint8
    assert label_at(labels, points[60:68].mean(axis=0), size) == "lip"
    assert label_at(labels, points[36:42].mean(axis=0), size) == "eye"
    assert label_at(labels, points[42:48].mean(axis=0), size) == "eye"
    assert label_at(labels, points[19], size) == "brow"
    assert label_at(labels, points[30], size) == "nose"
    assert label_at(labels, (points[2] + points[48]) / 2, size) == "skin"
    assert label_at(labels, (points[19] + points[24]) / 2 - [0, 0.08 * size], size) == "skin"  # forehead
    assert labels[0, 0] == labels[-1, -1] == REGIONS.index("background")


def test_all_regions_survive_on_a_small_token_grid():
    labels = region_labels(template_landmarks(64), 64, 32)
    tokens = downsample_labels(labels, 8)
    assert set(np.unique(tokens)) == set(range(len(REGIONS)))


def test_small_regions_win_a_cell_by_their_share():
    labels = np.ones((4, 4), np.uint8)
    labels[0, 0] = 3  # a quarter of the first cell is eye
    assert downsample_labels(labels, 2)[0, 0] == 3
    assert downsample_labels(labels, 2, share=0.3)[0, 0] == 1
    labels[2:, 2:] = [[5, 5], [2, 1]]
    assert downsample_labels(labels, 2)[1, 1] == 5


def test_downsampling_needs_whole_cells():
    with pytest.raises(ValueError, match="does not divide"):
        downsample_labels(np.zeros((32, 32), np.uint8), 12)
