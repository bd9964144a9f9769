"""evaluation/held_out/picture_grid.py"""

import numpy as np
from PIL import Image

from swaptalk_models.evaluation.held_out.picture_grid import save_grid


def test_a_sheet_of_samples(tmp_path):
    red, blue = np.zeros((3, 8, 8, 3), np.uint8), np.zeros((3, 8, 8, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    save_grid([red, blue], tmp_path / "samples" / "sheet.png", scale=2)
    sheet = np.asarray(Image.open(tmp_path / "samples" / "sheet.png"))
    assert sheet.shape == (32, 48, 3)
    assert sheet[2, 2].tolist() == [255, 0, 0] and sheet[-2, -2].tolist() == [0, 0, 255]
