"""modules/wav2lip.py"""

import pytest
import torch

from swaptalk_models.modules.wav2lip import Wav2Lip
from swaptalk_models.settings.models import Wav2LipConfig

CONFIG = Wav2LipConfig(channels=(8, 8, 16), audio_dim=8)


@pytest.fixture
def network() -> Wav2Lip:
    torch.manual_seed(0)
    network = Wav2Lip(CONFIG).eval()
    with torch.no_grad():  # a fresh network adds nothing
        network.last[2].weight.normal_(std=0.2)
    return network


@pytest.fixture
def inputs() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "target": torch.randn(2, 3, 32, 32),
        "reference": torch.randn(2, 3, 32, 32),
        "mel_BTF": torch.randn(2, 16, 80),
    }


def test_a_fresh_network_gives_the_references_lower_half(inputs):
    made = Wav2Lip(CONFIG)(**inputs)
    assert torch.equal(made[:, :, :16], inputs["target"][:, :, :16])
    assert torch.equal(made[:, :, 16:], inputs["reference"][:, :, 16:])


def test_the_targets_lower_half_is_never_seen(network, inputs):
    other = inputs | {"target": torch.cat([inputs["target"][:, :, :16], torch.randn(2, 3, 16, 32)], dim=2)}
    assert torch.equal(network(**other), network(**inputs))


@pytest.mark.parametrize("name", ["target", "reference", "mel_BTF"])
def test_all_inputs_count(network, inputs, name):
    assert not torch.allclose(network(**inputs | {name: inputs[name] + 1}), network(**inputs))


def test_any_crop_that_halves(network, inputs):
    assert network(torch.randn(1, 3, 64, 64), torch.randn(1, 3, 64, 64), inputs["mel_BTF"][:1]).shape == (1, 3, 64, 64)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="^channels"):
        Wav2LipConfig(channels=(8,))
    with pytest.raises(ValueError, match="^sync_start"):
        Wav2LipConfig(sync_start=2.0)
