"""The face-swapping module: a transformer over VQ tokens, queries from the target, keys and values from the source.

    tokens = linear(z) + position + region            for source and target
    N x [ x = norm(x + cross-attention(x, source));  x = norm(x + feed-forward(x)) ]
    swapped = linear(x) + skip

The skip is ours: crops are aligned, so the source's own token at the same place is nearly what is wanted inside of the face, and the target's
token outside. A gate, learned for each region and corrected for each token, mixes the two, and the transformer learns what that lacks: pose,
expression, light, the rim.

Shapes: B batch, D embedding channels, h side of the latent grid, N = h * h tokens, C width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.blocks import Attention
from swaptalk_models.settings.models import FaceSwapperConfig

_GATE_START = {"background": -4.0, "skin": 0.0, "brow": 3.0, "eye": 3.0, "nose": 3.0, "lip": 3.0}
"""Log-odds with which a target token of a region starts as the source's."""


class _RegionGate(nn.Module):
    """(B, h, h) regions -> (B, h, h) log-odds of the source against the target."""

    def __init__(self) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.tensor([_GATE_START[name] for name in REGIONS]))

    def forward(self, region_Bhh: Tensor) -> Tensor:
        return self.logit[region_Bhh]


class _PlaceGate(nn.Module):
    """The same without regions: log-odds for each place of the grid."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(grid, grid))

    def forward(self, region_Bhh: Tensor) -> Tensor:
        return self.logit[None]


class Tokens(nn.Module):
    """(B, D, h, h) embeddings and (B, h, h) region labels -> (B, N, C) tokens."""

    def __init__(self, dim: int, grid: int, width: int, semantic: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, width)
        self.position = nn.Parameter(0.02 * torch.randn(grid * grid, width))
        self.region = nn.Embedding(len(REGIONS), width) if semantic else None

    def forward(self, z_BDhh: Tensor, region_Bhh: Tensor) -> Tensor:
        tokens_BNC = self.linear(z_BDhh.flatten(2).transpose(1, 2)) + self.position
        if self.region is not None:
            tokens_BNC = tokens_BNC + self.region(region_Bhh.flatten(1))
        return tokens_BNC


class SwapBlock(nn.Module):
    """Cross-attention, residual, norm, feed-forward, residual, norm: the order of the paper's figure."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, width, heads)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.feed_forward_norm = nn.LayerNorm(width)

    def forward(self, target_BNC: Tensor, source_BNC: Tensor) -> Tensor:
        x = self.attention_norm(target_BNC + self.attention(target_BNC, source_BNC))
        return self.feed_forward_norm(x + self.feed_forward(x))


class FaceSwapper(nn.Module):
    """Standardised embeddings of source and target -> embedding of the target wearing the source's face."""

    def __init__(self, config: FaceSwapperConfig, dim: int, grid: int) -> None:
        super().__init__()
        self.config, self.grid = config, grid
        self.source_tokens = Tokens(dim, grid, config.width, config.semantic)
        self.target_tokens = Tokens(dim, grid, config.width, config.semantic)
        self.blocks = nn.ModuleList(SwapBlock(config.width, config.heads) for _ in range(config.depth))
        self.out = nn.Linear(config.width, dim)
        if config.skip:
            self.gate = _RegionGate() if config.semantic else _PlaceGate(grid)
            self.gate_out = nn.Linear(config.width, 1)
            # Training starts from the skip alone, and from a gate that knows the region only.
            for layer in (self.out, self.gate_out):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    @classmethod
    def build(cls, config: FaceSwapperConfig, shape: Mapping[str, int]) -> FaceSwapper:
        return cls(config, shape["dim"], shape["grid"])

    def forward(
        self, source_BDhh: Tensor, source_region_Bhh: Tensor, target_BDhh: Tensor, target_region_Bhh: Tensor
    ) -> Tensor:
        """(B, D, h, h) x 2 and int64 region labels (B, h, h) x 2 -> (B, D, h, h)."""
        source = self.source_tokens(source_BDhh, source_region_Bhh)
        x = self.target_tokens(target_BDhh, target_region_Bhh)
        for block in self.blocks:
            x = block(x, source)
        swapped = self.out(x).float().transpose(1, 2).unflatten(2, (self.grid, self.grid))
        if self.config.skip:
            # Where the source has hair or background there is nothing of its face to take.
            odds_Bhh = self.gate(target_region_Bhh) + self.gate_out(x).float().reshape(-1, self.grid, self.grid)
            share_B1hh = (torch.sigmoid(odds_Bhh) * (source_region_Bhh != REGIONS.index("background")))[:, None]
            swapped = swapped + share_B1hh * source_BDhh + (1 - share_B1hh) * target_BDhh
        return swapped

    def swap(
        self, source_BDhh: Tensor, source_region_Bhh: Tensor, target_BDhh: Tensor, target_region_Bhh: Tensor
    ) -> Tensor:
        """``forward`` for inference: the step from the target to the swapped face, ``guidance`` times, as in ``LipSync.speak``."""
        swapped = self(source_BDhh, source_region_Bhh, target_BDhh, target_region_Bhh)
        return target_BDhh + self.config.guidance * (swapped - target_BDhh)
