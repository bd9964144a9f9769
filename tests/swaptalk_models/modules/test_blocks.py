"""modules/blocks.py and modules/audio_encoder.py"""

import pytest
import torch
from torch.nn import functional as F

from swaptalk_models.modules.audio_encoder import AudioEncoder
from swaptalk_models.modules.blocks import Attention, ResBlock, SelfAttention2d, position_grid


@pytest.mark.parametrize("height, width", [(2, 4), (8, 16), (5, 3)])
def test_position_grid_is_the_identity_of_grid_sample(height, width):
    maps = torch.randn(2, 3, height, width)
    grid = position_grid(height, width).expand(2, -1, -1, -1)
    same = F.grid_sample(maps, grid, align_corners=False, padding_mode="border")
    assert torch.allclose(same, maps, atol=1e-5)


def test_attention_mixes_the_context_and_keeps_the_querys_shape():
    torch.manual_seed(0)
    attention = Attention(16, 8, heads=4)
    x, context = torch.randn(2, 5, 16), torch.randn(2, 7, 8)
    out = attention(x, context)
    assert out.shape == x.shape
    # A set of keys and values: their order does not matter, what they hold does.
    assert torch.allclose(attention(x, context.flip(1)), out, atol=1e-6)
    assert not torch.allclose(attention(x, 2 * context), out, atol=1e-3)


def test_attention_of_equal_values_gives_that_value_to_every_query():
    torch.manual_seed(0)
    attention = Attention(8, 8, heads=2)
    out = attention(torch.randn(1, 6, 8), torch.randn(1, 1, 8).expand(1, 4, 8))
    assert torch.allclose(out, out[:, :1].expand_as(out), atol=1e-6)


def test_blocks_keep_samples_apart():
    """Group norm and attention must not mix the batch: a frame's latent may not depend on its neighbours."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(ResBlock(8, 16), SelfAttention2d(16))
    x = torch.randn(3, 8, 4, 6)
    together = network(x)
    assert together.shape == (3, 16, 4, 6)
    assert torch.allclose(network(x[1:2]), together[1:2], atol=1e-5)


def test_audio_tokens_are_in_order_of_time():
    torch.manual_seed(0)
    encoder = AudioEncoder(12, channels=8)
    mel = torch.zeros(1, 16, 80)
    quiet = encoder(mel)
    assert quiet.shape == (1, 8, 12)
    louder = mel.clone()
    louder[:, -1] = 4.0
    change = (encoder(louder) - quiet).norm(dim=-1)[0]
    assert change.argmax() == 7, "sound at the end shows most in the last token"


def test_attention_under_autocast_is_that_of_float32():
    """The CPU's fused attention runs in float32 whatever autocast asks for; outputs and gradients keep the dtype that was asked for."""
    torch.manual_seed(0)
    attention = Attention(16, 12, heads=4)
    x, context = torch.randn(2, 10, 16, requires_grad=True), torch.randn(2, 5, 12)
    wanted = attention(x, context)
    with torch.autocast("cpu", torch.bfloat16):
        found = attention(x, context)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, atol=0.02, rtol=0.02)
    found.float().square().sum().backward()
    assert x.grad.dtype == torch.float32 and torch.isfinite(x.grad).all() and x.grad.abs().max() > 0
