"""modules/taming_decoder.py, and what it costs beside the light one"""

import dataclasses

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.rehearsal.dry_run import macs
from swaptalk_models.settings.models import VQGANConfig
from swaptalk_models.settings.preset import load_preset


@pytest.mark.parametrize(("decoder", "least", "most"), [("light", 1e9, 10e9), ("taming", 120e9, 130e9)])
def test_work_at_256_px(decoder, least, most):
    """The budget of DESIGN.md, 7: at most 10 G multiply-adds, where taming's f16 decoder takes 126 G."""
    base = load_preset("base").vqgan
    config = dataclasses.replace(base, decoder=decoder, factor=16, channels=(*base.channels, 384))
    with FakeTensorMode():
        assert least < macs(VQGAN(config).decoder, torch.zeros(1, config.dim, 16, 16)) <= most


@pytest.mark.parametrize("factor", [4, 8, 16, 32])
def test_every_factor_comes_back_to_its_size(factor):
    channels = (8,) * (factor.bit_length() - 1)
    config = VQGANConfig(factor=factor, channels=channels, dim=8, decoder="taming", decoder_channels=32)
    with FakeTensorMode():
        decoder = VQGAN(config).decoder
        image = decoder(torch.zeros(2, 8, 4, 4))
    assert image.shape == (2, 3, 4 * factor, 4 * factor)
    assert decoder.last_layer.shape == (3, 32, 3, 3)
