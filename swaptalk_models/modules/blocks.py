"""Convolution and attention blocks that several modules are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.modules.device import full_precision


def norm(channels: int) -> nn.GroupNorm:
    """Group norm with 8 channels a group where that divides: the same statistics at any batch size."""
    return nn.GroupNorm(channels // 8 if channels % 8 == 0 else 1, channels)


class ResBlock(nn.Module):
    """Pre-norm residual block of two 3x3 convolutions. (B, C_in, H, W) -> (B, C_out, H, W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            norm(channels_in),
            nn.SiLU(),
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            norm(channels_out),
            nn.SiLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
        )
        self.skip = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.skip(x_BCHW) + self.body(x_BCHW)


class Attention(nn.Module):
    """Multi-head attention of query tokens over context tokens. (B, N, C), (B, M, C_context) -> (B, N, C)."""

    def __init__(self, channels: int, context_channels: int, heads: int) -> None:
        super().__init__()
        assert channels % heads == 0
        self.heads = heads
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(context_channels, 2 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x_BNC: Tensor, context_BMC: Tensor) -> Tensor:
        return self.look_up(x_BNC, *self.keys_values(context_BMC))

    def keys_values(self, context_BMC: Tensor) -> tuple[Tensor, Tensor]:
        """What queries look up, each (B, heads, M, C / heads): one reckoning serves all queries over the same context."""
        key, value = self.key_value(context_BMC).chunk(2, dim=-1)
        return self._split(key), self._split(value)

    def look_up(self, x_BNC: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, N, C), from what ``keys_values`` gave."""
        mixed = _attend(self._split(self.query(x_BNC)), key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, t_BNC: Tensor) -> Tensor:
        """(B, heads, N, C / heads)"""
        return torch.unflatten(t_BNC, -1, (self.heads, -1)).transpose(1, 2)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention, all (B, heads, N or M, C)."""
    if not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(query, key.to(query.dtype), value.to(query.dtype))
    if query.device.type != "cpu" or query.dtype == torch.float32:
        return F.scaled_dot_product_attention(query, key, value)
    # torch's fused attention on the CPU, backwards, is slower in bfloat16 than in float32: a third with many keys, eight times with eight.
    with full_precision(query.device):
        return F.scaled_dot_product_attention(query.float(), key.float(), value.float()).to(query.dtype)


class SelfAttention2d(nn.Module):
    """Residual self-attention over the cells of a map. (B, C, H, W) -> the same."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.attention = Attention(channels, channels, heads)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        tokens = self.norm(x_BCHW).flatten(2).transpose(1, 2)
        return x_BCHW + self.attention(tokens, tokens).transpose(1, 2).unflatten(2, x_BCHW.shape[2:])


def start_at_zero(layer: nn.Module) -> None:
    """Weights and bias of a convolution that training starts without."""
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


def position_grid(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Sampling positions of the identity warp, (1, height, width, 2) x, y in [-1, 1], as grid_sample wants them."""
    y = (torch.arange(height, device=device) + 0.5) * 2 / height - 1
    x = (torch.arange(width, device=device) + 0.5) * 2 / width - 1
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)[None]
