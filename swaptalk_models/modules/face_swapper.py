"""The face-swapping module: a transformer over VQ tokens, queries from the target, keys and values from the source.

    tokens = linear(z) + position + region            for source and target
    N x [ x = norm(x + cross-attention(x, source));  x = norm(x + feed-forward(x)) ]
    swapped = local(x) + skip

The skip is ours: crops are aligned, so the source's own token at the same place is nearly what is wanted inside of the face, and the target's
token outside. A gate, learned for each region and corrected for each token, mixes the two, and the transformer learns what that lacks: pose,
expression, light, the rim.

So does the head, `refine` residual blocks of 3 x 3 convolutions (the figure's: one linear layer): cross-attention makes each token alone, and tokens that
know nothing of their neighbours, nor of what the skip copies beside them, are crumbs along the jaw.

Shapes: B batch, D embedding channels, h side of the latent grid, N = h * h tokens, C width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.blocks import Attention, ResBlock, start_at_zero
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

    def look_up(self, target_BNC: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """``forward``, from the source's keys and values."""
        x = self.attention_norm(target_BNC + self.attention.look_up(target_BNC, key, value))
        return self.feed_forward_norm(x + self.feed_forward(x))


class _LocalHead(nn.Module):
    """Tokens (B, N, C) -> (B, channels, h, h) by convolutions, which see a token's neighbours and what the skip would copy from both faces
    (``hidden``: where the source shows none). Starts as nothing."""

    def __init__(self, dim: int, width: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(width + 2 * dim + 1, width, 1)
        self.blocks = nn.Sequential(*(ResBlock(width, width) for _ in range(blocks)))
        self.exit = nn.Conv2d(width, channels, 3, padding=1)
        start_at_zero(self.exit)

    def forward(self, x_BNC: Tensor, source_BDhh: Tensor, hidden_Bhh: Tensor, target_BDhh: Tensor) -> Tensor:
        x_BChh = torch.unflatten(x_BNC.transpose(1, 2), 2, source_BDhh.shape[2:])
        seen = torch.cat(
            [x_BChh, *(v.to(x_BChh.dtype) for v in (source_BDhh, target_BDhh, hidden_Bhh[:, None]))], dim=1
        )
        return self.exit(self.blocks(self.enter(seen))).float()


class PreparedSource(NamedTuple):
    """What the swapper needs of one source, reckoned once for all frames."""

    keys: Tensor
    """(blocks, heads, N, C / heads)"""
    values: Tensor
    """The same shape."""


class FaceSwapper(nn.Module):
    """Standardised embeddings of source and target -> embedding of the target wearing the source's face."""

    def __init__(self, config: FaceSwapperConfig, dim: int, grid: int) -> None:
        super().__init__()
        self.config, self.grid = config, grid
        self.source_tokens = Tokens(dim, grid, config.width, config.semantic)
        self.target_tokens = Tokens(dim, grid, config.width, config.semantic)
        self.blocks = nn.ModuleList(SwapBlock(config.width, config.heads) for _ in range(config.depth))
        self.local = _LocalHead(dim, config.width, dim + 1, config.refine) if config.refine else None
        if self.local is None:
            self.out = nn.Linear(config.width, dim)
        if config.skip:
            self.gate = _RegionGate() if config.semantic else _PlaceGate(grid)
        if config.skip and self.local is None:
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
        hidden_Bhh = hidden_cells(source_region_Bhh)
        made_BCchh = self.head(x, source_BDhh, hidden_Bhh, target_BDhh)
        return self.mix(made_BCchh, source_BDhh, hidden_Bhh, target_BDhh, target_region_Bhh)

    def head(self, x_BNC: Tensor, source_BDhh: Tensor, hidden_Bhh: Tensor, target_BDhh: Tensor) -> Tensor:
        """Tokens -> (B, D + 1, h, h): what is made, and the gate's log-odds; without a skip no odds are needed, and there may be none."""
        if self.local is not None:
            return self.local(x_BNC, source_BDhh, hidden_Bhh, target_BDhh)
        made = [self.out(x_BNC)] + ([self.gate_out(x_BNC)] if self.config.skip else [])
        return self._grid(torch.cat(made, dim=-1))

    def mix(
        self, made: Tensor, source_BDhh: Tensor, hidden_Bhh: Tensor, target_BDhh: Tensor, target_region_Bhh: Tensor
    ) -> Tensor:
        """What ``head`` made, beside source and target as the gate mixes them: (B, D, h, h)."""
        made_BDhh, odds_B1hh = made.tensor_split([target_BDhh.shape[1]], dim=1)
        if not self.config.skip:
            return made_BDhh
        share_B1hh = torch.sigmoid(self.gate(target_region_Bhh)[:, None] + odds_B1hh) * ~hidden_Bhh[:, None]
        return made_BDhh + share_B1hh * source_BDhh + (1 - share_B1hh) * target_BDhh

    def prepare(self, source_1Dhh: Tensor, source_region_1hh: Tensor) -> PreparedSource:
        """Of one source, for ``tokens``: the keys and values of every block."""
        source = self.source_tokens(source_1Dhh, source_region_1hh)
        keys, values = zip(*(block.attention.keys_values(source) for block in self._swap_blocks()), strict=True)
        return PreparedSource(torch.cat(keys), torch.cat(values))

    def tokens(self, z_nD: Tensor, place_n: Tensor, region_n: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The transformer on any tokens, of whatever frames: (n, C).

        A target's token looks at the source alone, never at its neighbours. So what becomes of it depends on its code, its place and its region,
        and equal ones need to be reckoned once (inference/token_memo.py).

        Args:
            z_nD, place_n, region_n: embeddings, numbers of cells (row by row), labels.
            keys, values: of a PreparedSource.
        """
        entry = self.target_tokens
        x_nC = entry.linear(z_nD) + entry.position[place_n]
        if entry.region is not None:
            x_nC = x_nC + entry.region(region_n)
        x_1nC = x_nC[None]
        for number, block in enumerate(self._swap_blocks()):
            x_1nC = block.look_up(x_1nC, keys[number : number + 1], values[number : number + 1])
        return x_1nC[0]

    def _swap_blocks(self) -> list[SwapBlock]:
        return [block for block in self.blocks if isinstance(block, SwapBlock)]

    def _grid(self, x_BNC: Tensor) -> Tensor:
        """Tokens as a map, (B, C, h, h) float32."""
        return torch.unflatten(x_BNC.float().transpose(1, 2), 2, (self.grid, self.grid))

    def guided(self, swapped_BDhh: Tensor, target_BDhh: Tensor) -> Tensor:
        """The step from the target to the swapped face, ``guidance`` times, as in ``LipSync.speak``."""
        return target_BDhh + self.config.guidance * (swapped_BDhh - target_BDhh)

    def swap(
        self, source_BDhh: Tensor, source_region_Bhh: Tensor, target_BDhh: Tensor, target_region_Bhh: Tensor
    ) -> Tensor:
        """``forward`` for inference, guided."""
        return self.guided(self(source_BDhh, source_region_Bhh, target_BDhh, target_region_Bhh), target_BDhh)


def hidden_cells(source_region_Bhh: Tensor) -> Tensor:
    """(B, h, h) bool: hair or nothing of the face, not to be taken."""
    return source_region_Bhh == REGIONS.index("background")
