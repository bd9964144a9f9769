"""Face restoration after CodeFormer (Zhou et al. 2022): which codes does this face have when nothing has harmed it?

    harmed face --patches, convolutions--> tokens + position --transformer--> log-odds of every code, a softmax a cell and group
    its own embedding (frozen VQGAN), moved --distance to the codes--> log-odds that these are added to ----------^

The codes are looked up in the VQGAN's codebooks and decoded. Where one code is likely it is that one; where many are, neighbours that look nearly
the same, it is the one nearest to their mean, for to take the likeliest of each cell and group by itself makes crumbs. As in CodeFormer: the codebooks and the decoder are frozen, the codes are predicted by a transformer over all cells with
cross-entropy as its loss. **[ours]** the log-odds start from the distances between the harmed face's own embedding, which the tokens move, and the
codes: before its training the restorer re-encodes, and a short training, which cannot learn from nothing where hundreds of codes lie, moves through
their space. And several codes a cell, as the VQGAN has them.

Shapes: B batch, S side of the crop (px), h side of the latent grid, N = h * h tokens, C width, G groups, K codes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from swaptalk_models.modules.blocks import Attention, ResBlock
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.quantizer import VectorQuantizer
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import RestorerConfig

_BATCH = 16
_FIRST_SCALE = (
    10.0  # of a mean squared distance in standard deviations of the codebook: a few neighbouring codes are likely
)
_SCALE_PACE = (
    30.0  # times as fast as a weight the scales are learned: there are few of them, and the right ones lie far apart
)


class _Block(nn.Module):
    """Pre-norm self-attention over all cells, and a feed-forward layer. (B, N, C) -> the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, width, heads)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x_BNC: Tensor) -> Tensor:
        seen = self.attention_norm(x_BNC)
        x_BNC = x_BNC + self.attention(seen, seen)
        return x_BNC + self.feed_forward(x_BNC)


class Restorer(nn.Module):
    """Predicts the codes of a face from what blur, noise, compression and low resolution have left of it."""

    def __init__(self, config: RestorerConfig, factor: int, grid: int, dim: int, groups: int, codes: int) -> None:
        super().__init__()
        self.config, self.groups = config, groups
        width = config.width
        self.patches = nn.Sequential(nn.PixelUnshuffle(factor), nn.Conv2d(3 * factor**2, width, 3, padding=1))
        self.own = nn.Conv2d(dim, width, 1)
        self.local = nn.Sequential(*(ResBlock(width, width) for _ in range(config.blocks)))
        self.position = nn.Parameter(0.02 * torch.randn(grid * grid, width))
        self.blocks = nn.ModuleList(_Block(width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        # Codes of the two halves are of different codebooks.
        self.heads = nn.ModuleList(nn.Linear(width, groups * codes) for _ in range(2))
        self.moves = nn.ModuleList(nn.Linear(width, dim) for _ in range(2))
        self.log_scale = nn.Parameter(torch.full((2, groups), _FIRST_SCALE).log() / _SCALE_PACE)
        for head in (*self.heads, *self.moves):
            assert isinstance(head, nn.Linear)
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    @classmethod
    def build(cls, config: RestorerConfig, shape: Mapping[str, int]) -> Restorer:
        factor = shape["crop_size"] // shape["grid"]
        return cls(config, factor, shape["grid"], shape["dim"], shape["groups"], shape["codes"])

    def forward(self, image_B3SS: Tensor, vqgan: VQGAN) -> tuple[Tensor, Tensor]:
        """Harmed faces in [-1, 1] -> log-odds of the codes of the upper and the lower half, each (B, G, K, h / 2, h)."""
        halves = vqgan.encode_halves(image_B3SS)
        quantizers = (vqgan.upper, vqgan.lower)
        own = torch.cat([standardised(z, quantizer) for z, quantizer in zip(halves, quantizers, strict=True)], dim=2)
        x_BChh = self.local(self.patches(image_B3SS) + self.own(own))
        x_BNC = x_BChh.flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x_BNC = block(x_BNC)
        tokens = self.norm(x_BNC).chunk(2, dim=1)
        found = []
        for head, move, part, z, quantizer, scale_G in zip(
            self.heads, self.moves, tokens, halves, quantizers, (_SCALE_PACE * self.log_scale).exp(), strict=True
        ):
            learned_BGKn = torch.unflatten(head(part).float().transpose(1, 2), 1, (self.groups, -1))
            moved = z + quantizer.statistics()[1] * torch.unflatten(move(part).float().transpose(1, 2), -1, z.shape[2:])
            odds_BGKn = learned_BGKn + scale_G[:, None, None] * nearness(moved, quantizer)
            found.append(torch.unflatten(odds_BGKn, -1, z.shape[2:]))
        return found[0], found[1]

    def restore(self, image_B3SS: Tensor, vqgan: VQGAN) -> Tensor:
        """(B, 3, S, S) in [-1, 1]: the faces that the most likely codes say."""
        return vqgan.decode(vqgan.embed(*self.codes(image_B3SS, vqgan)))

    def codes(self, image_B3SS: Tensor, vqgan: VQGAN) -> tuple[Tensor, Tensor]:
        """Codes of the upper and the lower half, each (B, G, h / 2, h)."""
        upper, lower = self(image_B3SS, vqgan)
        return (
            vqgan.upper.nearest(expected(self.config.certainty * upper, vqgan.upper)),
            vqgan.lower.nearest(expected(self.config.certainty * lower, vqgan.lower)),
        )


def nearness(z_BDhw: Tensor, quantizer: VectorQuantizer) -> Tensor:
    """(B, G, K, h * w): how near each code lies to embeddings of a half, as a negative mean squared distance in standard deviations of the codebook,
    but for what is the same for all codes of a cell.
    """
    _, deviation = quantizer.statistics()
    z_BGdn = torch.unflatten(z_BDhw.float().flatten(2), 1, (quantizer.groups, -1))
    product_BGKn = torch.einsum("gkd,bgdn->bgkn", quantizer.codebook, z_BGdn)
    squares = quantizer.codebook.square().sum(-1)[..., None]
    return (2 * product_BGKn - squares) / (z_BGdn.shape[2] * deviation.square())


def standardised(z_BDhw: Tensor, quantizer: VectorQuantizer) -> Tensor:
    """Raw embeddings of a half in the space of ``VQGAN.embed``."""
    mean, deviation = quantizer.statistics()
    return (z_BDhw - mean) / deviation


def expected(odds_BGKhw: Tensor, quantizer: VectorQuantizer) -> Tensor:
    """(B, D, h, w): the mean of the codes' embeddings by their probabilities."""
    return torch.einsum("bgkhw,gkd->bgdhw", odds_BGKhw.softmax(2), quantizer.codebook).flatten(1, 2)


@torch.inference_mode()
def restore_pixels(model: Restorer, vqgan: VQGAN, crops: np.ndarray) -> np.ndarray:
    """Crops (T, S, S, 3) uint8, restored."""
    device = next(model.parameters()).device
    made = []
    for first in range(0, len(crops), _BATCH):
        images = torch.from_numpy(to_unit(crops[first : first + _BATCH])).to(device)
        made.append(from_unit(model.restore(images, vqgan).float().cpu().numpy()))
    return np.concatenate(made)
