"""modules/identity_encoder.py"""

import pytest
import torch

from swaptalk_models.modules.identity_encoder import CosineMarginHead, IdentityEncoder, perceptual_loss
from swaptalk_models.settings.models import IdentityEncoderConfig


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return IdentityEncoder(IdentityEncoderConfig(channels=(8, 16), dim=12)).eval()


def test_embeddings_have_unit_length(encoder):
    embedding = encoder(torch.rand(3, 3, 32, 32) * 2 - 1)
    assert embedding.shape == (3, 12)
    assert torch.allclose(embedding.norm(dim=-1), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize("size", [32, 48, 64])
def test_features_go_from_fine_to_coarse(encoder, size):
    image = torch.randn(1, 3, size, size)
    maps = encoder.features(image)
    inner = size - 2 * (size * 5 // 32)  # the rim, with hair and background, is cut away
    assert [tuple(m.shape) for m in maps] == [(1, 8, inner // 2, inner // 2), (1, 16, inner // 4, inner // 4)]
    assert torch.equal(encoder.embed(maps), encoder(image))


def test_perceptual_loss_is_zero_on_itself_and_grows_with_the_change(encoder):
    torch.manual_seed(1)
    image = torch.rand(2, 3, 32, 32) * 2 - 1
    noise = torch.randn_like(image)
    maps = encoder.features(image)
    assert perceptual_loss(maps, maps) == 0
    little, much = (perceptual_loss(encoder.features(image + share * noise), maps) for share in (0.05, 0.5))
    assert 0 < little < much


def test_perceptual_loss_by_hand():
    """One layer, one cell: opposite directions are 2 apart, so 4 squared; length does not count."""
    ahead, back = torch.tensor([3.0, 0.0]).view(1, 2, 1, 1), torch.tensor([-0.5, 0.0]).view(1, 2, 1, 1)
    assert perceptual_loss([ahead], [back]).item() == pytest.approx(4)
    assert perceptual_loss([ahead, ahead], [back, 2 * ahead]).item() == pytest.approx(2)


def test_margin_lowers_the_right_class_only():
    torch.manual_seed(0)
    head = CosineMarginHead(dim=6, people=4, margin=0.3, scale=10.0)
    plain = CosineMarginHead(dim=6, people=4, margin=0.0, scale=10.0)
    plain.load_state_dict(head.state_dict())
    embedding = torch.nn.functional.normalize(torch.randn(3, 6), dim=-1)
    person = torch.tensor([2, 0, 3])
    lowered = plain(embedding, person) - head(embedding, person)
    wanted = torch.zeros(3, 4)
    wanted[torch.arange(3), person] = 10.0 * 0.3
    assert torch.allclose(lowered, wanted, atol=1e-5)
    assert plain(embedding, person).abs().max() <= 10.0 + 1e-4, "cosines, times the scale"
