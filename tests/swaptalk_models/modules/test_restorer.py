"""modules/restorer.py"""

from dataclasses import replace

import pytest
import torch

from swaptalk_models.modules.restorer import Restorer, expected, nearness
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import RestorerConfig, VQGANConfig

CONFIG = RestorerConfig(width=16, blocks=1, depth=1, heads=2)
SHAPE = {"crop_size": 32, "grid": 4, "dim": 8, "groups": 2, "codes": 16}


@pytest.fixture
def vqgan() -> VQGAN:
    torch.manual_seed(0)
    vqgan = VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=16, dim=8, groups=2))
    vqgan.train()(torch.rand(8, 3, 32, 32))  # puts the codebooks on data
    return vqgan.eval()


def test_nearness_orders_codes_as_the_quantizer_does(vqgan):
    z = torch.randn(2, 8, 2, 4)
    found = nearness(z, vqgan.upper).argmax(2)
    assert torch.equal(found, vqgan.upper.nearest(z).flatten(2))


def test_before_its_training_it_re_encodes(vqgan):
    """Where it is sure, a code is its own mean."""
    restorer = Restorer.build(CONFIG, SHAPE).eval()
    with torch.no_grad():
        restorer.log_scale.fill_(1)
    image = torch.rand(2, 3, 32, 32)
    for found, own in zip(restorer.codes(image, vqgan), vqgan.tokenize(image), strict=True):
        assert torch.equal(found, own)


def test_a_code_that_is_certain_is_its_own_mean(vqgan):
    codes = torch.randint(0, 16, (2, 2, 2, 4))
    odds = 50 * torch.nn.functional.one_hot(codes, 16).movedim(-1, 2).float()
    assert torch.allclose(expected(odds, vqgan.lower), vqgan.lower.embed(codes), atol=1e-5)
    assert torch.allclose(
        expected(0 * odds, vqgan.lower)[0, :, 0, 0], vqgan.lower.codebook.mean(1).flatten(), atol=1e-5
    ), "the mean of all where nothing is known"


def test_every_cell_sees_the_whole_face(vqgan):
    torch.manual_seed(1)
    restorer = Restorer.build(CONFIG, SHAPE).eval()
    with torch.no_grad():
        for layer in (*restorer.heads, *restorer.moves):
            layer.weight.normal_()
    image = torch.rand(1, 3, 32, 32)
    other = image.clone()
    other[:, :, -8:, -8:] = 0  # the last cell
    before, after = restorer(image, vqgan)[0], restorer(other, vqgan)[0]
    assert before.shape == (1, 2, 16, 2, 4), "groups, codes, rows of the upper half, columns"
    assert not torch.allclose(before[..., 0, 0], after[..., 0, 0]), "nor is the first one's"


def test_gradients_reach_the_restorer_alone(vqgan):
    restorer = Restorer.build(CONFIG, SHAPE)
    vqgan.requires_grad_(False)
    upper, lower = restorer(torch.rand(1, 3, 32, 32), vqgan)
    (upper.square().mean() + lower.square().mean()).backward()
    assert all(p.grad is not None for p in (restorer.log_scale, restorer.heads[0].weight, restorer.moves[1].weight))


def test_wrong_settings_are_named():
    for changed in ({"heads": 3}, {"jpeg": 0}, {"unharmed": 2.0}, {"certainty": 0}, {"shrink": 0.5}, {"noise": -1}):
        with pytest.raises(ValueError, match="^(width|jpeg|unharmed|certainty|shrink|noise) must"):
            replace(CONFIG, **changed)
