"""inference/encode.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.inference.encode import LatentEncoder
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import VQGANConfig


def test_codes_are_the_vqgans_row_by_row_in_any_number(tmp_path):
    torch.manual_seed(0)
    network = VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=300, dim=8, groups=2))
    crops = np.random.default_rng(0).integers(0, 255, (70, 32, 32, 3), np.uint8)  # more than one batch
    network.train()(torch.from_numpy(to_unit(crops)))
    save_model("vqgan", network.eval(), {"crop_size": 32, "grid": 4, "dim": 8}, tmp_path)
    upper, lower = LatentEncoder(tmp_path, device="cpu").encode(crops)
    assert upper.shape == lower.shape == (70, 16), "groups, rows, columns"
    assert upper.dtype == lower.dtype == np.uint16
    wanted_upper, wanted_lower = network.tokenize(torch.from_numpy(to_unit(crops[65:67])))
    assert np.array_equal(upper[65:67].reshape(2, 2, 2, 4), wanted_upper)
    assert np.array_equal(lower[65:67].reshape(2, 2, 2, 4), wanted_lower)
    assert len(np.unique(upper)) > 10


def test_no_model_no_encoder(tmp_path):
    with pytest.raises(UserError, match="not a folder of a trained vqgan"):
        LatentEncoder(tmp_path)
