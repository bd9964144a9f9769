"""The VQ-embedding space: one encoder for both halves of the face, a codebook for each half, one decoder.

    image_B3SS --halves--> encoder --> quantise with C^U / C^B --concat--> z_BDhh --> decoder --> image

Shapes: B batch, S side of the crop (px), D embedding channels, h = S / factor side of the latent grid. Each half is encoded alone, so
nothing of the lower half (the lips) can reach the upper half's embedding.

The decoder is narrow where it is costly: full resolution is reached by pixel shuffle, with no convolution behind it.

Encoder and decoder each have a linear path beside their convolutions, from a patch of pixels to its cell and back, which starts as a discrete
cosine transform: at step 0 the pair is a JPEG-like codec, and the convolutions learn what that lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from swaptalk_models.modules.blocks import ResBlock, SelfAttention2d, norm, start_at_zero
from swaptalk_models.modules.quantizer import Quantized, VectorQuantizer
from swaptalk_models.modules.taming_decoder import TamingDecoder
from swaptalk_models.settings.models import VQGANConfig


class Encoder(nn.Module):
    """(B, 3, H, W) in [-1, 1] -> (B, D, H / factor, W / factor)."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        channels = config.channels
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(12, channels[0], 3, padding=1)]
        previous = channels[0]
        for index, width in enumerate(channels):
            if index:
                layers.append(nn.Conv2d(previous, width, 4, stride=2, padding=1))
            layers += [ResBlock(width, width) for _ in range(config.blocks)]
            previous = width
        layers += [ResBlock(previous, previous), norm(previous), nn.SiLU(), nn.Conv2d(previous, config.dim, 1)]
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Sequential(nn.PixelUnshuffle(config.factor), nn.Conv2d(3 * config.factor**2, config.dim, 1))
        basis = cosine_basis(config.factor, config.dim)
        _start_linear(self.linear[1], basis[:, :, None, None] / config.factor)
        start_at_zero(self.layers[-1])

    def forward(self, image_B3HW: Tensor) -> Tensor:
        return self.fine(image_B3HW) + self.linear(image_B3HW)

    def fine(self, image_B3HW: Tensor) -> Tensor:
        """What the convolutions add to ``linear``: work in low precision shows little in it."""
        return self.layers(image_B3HW)


class Decoder(nn.Module):
    """(B, D, h, w) -> (B, 3, h * factor, w * factor), about [-1, 1]."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        channels = config.channels[::-1]
        first = channels[0]
        layers: list[nn.Module] = [
            nn.Conv2d(config.dim, first, 3, padding=1),
            ResBlock(first, first),
            SelfAttention2d(first),
            ResBlock(first, first),
        ]
        for width, following in pairwise(channels):
            layers += [nn.Conv2d(width, 4 * following, 3, padding=1), nn.PixelShuffle(2)]
            layers += [ResBlock(following, following) for _ in range(config.blocks)]
        layers += [norm(channels[-1]), nn.SiLU(), nn.Conv2d(channels[-1], 12, 3, padding=1), nn.PixelShuffle(2)]
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Sequential(nn.Conv2d(config.dim, 3 * config.factor**2, 1), nn.PixelShuffle(config.factor))
        basis = cosine_basis(config.factor, config.dim)
        _start_linear(self.linear[0], basis.T[:, :, None, None] * config.factor)
        start_at_zero(self.layers[-2])

    def forward(self, z_BDhw: Tensor) -> Tensor:
        return self.fine(z_BDhw) + self.coarse(z_BDhw)

    def fine(self, z_BDhw: Tensor) -> Tensor:
        """What the convolutions add: nearly all of the work."""
        return self.layers(z_BDhw)

    def coarse(self, z_BDhw: Tensor) -> Tensor:
        """The linear path: nearly all of the picture."""
        return self.linear(z_BDhw)

    @property
    def last_layer(self) -> Tensor:
        """Weights that the adaptive adversarial weight compares gradients at."""
        layer = self.layers[-2]
        assert isinstance(layer, nn.Conv2d)
        return layer.weight


class Reconstruction(NamedTuple):
    """What a training step of the VQGAN needs."""

    image: Tensor
    """(B, 3, S, S), about [-1, 1]."""
    upper: Quantized | None
    """None before the codebooks have started."""
    lower: Quantized | None


class VQGAN(nn.Module):
    """Frozen after its own training: everything downstream lives in its embedding space."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder: Decoder | TamingDecoder = TamingDecoder(config) if config.decoder == "taming" else Decoder(config)
        codebook = (
            config.codes,
            config.dim,
            config.groups,
            config.codebook_decay,
            config.revive_below,
            config.codebook_start,
            config.gradient,
        )
        self.upper = VectorQuantizer(*codebook)
        self.lower = self.upper if config.one_codebook else VectorQuantizer(*codebook)

    @classmethod
    def build(cls, config: VQGANConfig, shape: Mapping[str, int]) -> VQGAN:
        return cls(config)

    def forward(self, image_B3SS: Tensor, quantise: bool = True) -> Reconstruction:
        """Encode, quantise (unless the codebooks have not started yet), decode."""
        upper_BDhw, lower_BDhw = self.encode_halves(image_B3SS)
        if not quantise:
            return Reconstruction(self.decoder(torch.cat([upper_BDhw, lower_BDhw], dim=2)), None, None)
        upper, lower = self._quantise(upper_BDhw, lower_BDhw)
        z_BDhh = torch.cat([upper.embedding, lower.embedding], dim=2)
        return Reconstruction(self.decoder(z_BDhh), upper, lower)

    def _quantise(self, upper_BDhw: Tensor, lower_BDhw: Tensor) -> tuple[Quantized, Quantized]:
        if self.upper is not self.lower:
            return self.upper(upper_BDhw), self.lower(lower_BDhw)
        both = self.upper(torch.cat([upper_BDhw, lower_BDhw]))  # the one codebook follows both halves at once
        halves = zip(both.embedding.chunk(2), both.codes.chunk(2), strict=True)
        upper, lower = (Quantized(embedding, codes, both.commitment) for embedding, codes in halves)
        return upper, lower

    def encode_halves(self, image_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Unquantised embeddings of the upper and the lower half, each (B, D, h / 2, h)."""
        halves_2B = torch.cat(image_B3SS.chunk(2, dim=2))
        return tuple(self.encoder(halves_2B).chunk(2))

    def tokenize(self, image_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Code indices of the upper and the lower half, each (B, G, h / 2, h) int64."""
        upper_BDhw, lower_BDhw = self.encode_halves(image_B3SS)
        return self.upper.nearest(upper_BDhw), self.lower.nearest(lower_BDhw)

    def embed(self, upper_BGhw: Tensor, lower_BGhw: Tensor) -> Tensor:
        """Code indices of the two halves, each (B, G, h / 2, h) -> standardised embeddings (B, D, h, h).

        Standardised: zero mean and unit mean variance over each codebook. Everything downstream works on these, so that its losses and learning
        rates do not depend on the scale that a codebook happened to take.
        """
        return torch.cat([self.embed_half(upper_BGhw, self.upper), self.embed_half(lower_BGhw, self.lower)], dim=2)

    def embed_half(self, codes_BGhw: Tensor, quantizer: VectorQuantizer) -> Tensor:
        """Code indices (B, G, h / 2, h) of one half -> its standardised embeddings (B, D, h / 2, h)."""
        mean, deviation = quantizer.statistics()
        return (quantizer.embed(codes_BGhw) - mean) / deviation

    def decode(self, z_BDhh: Tensor) -> Tensor:
        """Standardised embeddings -> (B, 3, S, S) image clamped to [-1, 1]."""
        return self.decoder(self.raw(z_BDhh)).clamp(-1, 1)

    def raw(self, z_BDhh: Tensor) -> Tensor:
        """Standardised embeddings -> those that the decoder takes."""
        halves = []
        for quantizer, half in zip((self.upper, self.lower), z_BDhh.chunk(2, dim=2), strict=True):
            mean, deviation = quantizer.statistics()
            halves.append(half * deviation + mean)
        return torch.cat(halves, dim=2)


def cosine_basis(factor: int, dim: int) -> Tensor:
    """Orthonormal rows (dim, 3 * factor ** 2): the lowest frequencies of a patch's discrete cosine transform.

    Brightness first: the two colour differences get half its bandwidth, as in JPEG. Rows go from coarse to fine; columns are in the order of
    ``nn.PixelUnshuffle``: colour, row, column. Beyond as many rows as a patch has values they are zero.
    """
    place = torch.arange(factor)
    wave = torch.cos(torch.pi * (place[None] + 0.5) * place[:, None] / factor)
    wave = wave / wave.norm(dim=1, keepdim=True)  # (frequency, place)
    colours = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
    colours = colours / colours.norm(dim=1, keepdim=True)
    atoms = [(u, v, colour) for colour in range(3) for u in range(factor) for v in range(factor)]
    atoms.sort(key=lambda atom: ((atom[0] + atom[1]) * (2 if atom[2] else 1), atom[2], atom[0]))
    basis = torch.zeros(dim, 3, factor, factor)
    for row, (u, v, colour) in enumerate(atoms[:dim]):
        basis[row] = colours[colour][:, None, None] * wave[u][:, None] * wave[v][None]
    return basis.flatten(1)


def _start_linear(layer: nn.Module, weight: Tensor) -> None:
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.zero_()
