"""modules/wav_sync_swap.py and talking_unet.py"""

import pytest
import torch

from swaptalk_models.modules.wav_sync_swap import WavSyncSwap
from swaptalk_models.settings.models import WavSyncSwapConfig

CONFIG = WavSyncSwapConfig(channels=(8, 8, 16), audio_dim=8)


@pytest.fixture
def network() -> WavSyncSwap:
    torch.manual_seed(0)
    network = WavSyncSwap.build(CONFIG, {"identity": 4}).eval()
    with torch.no_grad():  # a fresh network adds nothing, and its style does nothing
        network.last[2].weight.normal_(std=0.2)
        for style in network.styles:
            style.affine.weight.normal_()
    return network


@pytest.fixture
def inputs() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    names = {"target": (2, 3, 32, 32), "source": (2, 3, 32, 32), "identity_BE": (2, 4), "mel_BTF": (2, 16, 80)}
    return {name: torch.randn(shape) for name, shape in names.items()}


def test_a_fresh_network_mixes_both_faces_and_takes_the_sources_lower_half(inputs):
    made = WavSyncSwap(CONFIG, 4)(**inputs)
    mixed = (inputs["target"] + inputs["source"])[:, :, :16] / 2
    assert torch.allclose(made[:, :, :16], mixed, atol=1e-6)
    assert torch.equal(made[:, :, 16:], inputs["source"][:, :, 16:])


def test_the_targets_lower_half_is_never_seen(network, inputs):
    other = inputs | {"target": torch.cat([inputs["target"][:, :, :16], torch.randn(2, 3, 16, 32)], dim=2)}
    assert torch.equal(network(**other), network(**inputs))


@pytest.mark.parametrize("name", ["target", "source", "identity_BE", "mel_BTF"])
def test_all_inputs_count(network, inputs, name):
    assert not torch.allclose(network(**inputs | {name: inputs[name] + 1}), network(**inputs))


def test_every_map_of_the_decoder_is_styled(network):
    assert [style.affine.out_features // 2 for style in network.styles] == [16, 8, 8]


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="^channels"):
        WavSyncSwapConfig(channels=(8,))
    with pytest.raises(ValueError, match="^sync_start"):
        WavSyncSwapConfig(sync_start=2.0)
