"""The VQ-embedding space: one encoder for both halves of the face, a codebook for each half, one decoder.

    image_B3SS --halves--> encoder --> quantise with C^U / C^B --concat--> z_BDhh --> decoder --> image

Shapes: B batch, S side of the crop (px), D embedding channels, h = S / factor side of the latent grid. Each half is encoded alone, so
nothing of the lower half (the lips) can reach the upper half's embedding.

The decoder is narrow where it is costly: full resolution is reached by pixel shuffle, with no convolution behind it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from swaptalk_models.modules.blocks import ResBlock, SelfAttention2d, norm
from swaptalk_models.modules.quantizer import Quantized, VectorQuantizer
from swaptalk_models.modules.settings import VQGANConfig


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

    def forward(self, image_B3HW: Tensor) -> Tensor:
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

    def forward(self, z_BDhw: Tensor) -> Tensor:
        return self.layers(z_BDhw)

    @property
    def last_layer(self) -> Tensor:
        """Weights that the adaptive adversarial weight compares gradients at."""
        return self.layers[-2].weight


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
        self.decoder = Decoder(config)
        self.upper = VectorQuantizer(config.codes, config.dim, config.codebook_decay, config.revive_below)
        self.lower = VectorQuantizer(config.codes, config.dim, config.codebook_decay, config.revive_below)

    def forward(self, image_B3SS: Tensor, quantise: bool = True) -> Reconstruction:
        """Encode, quantise (unless the codebooks have not started yet), decode."""
        upper_BDhw, lower_BDhw = self.encode_halves(image_B3SS)
        if not quantise:
            return Reconstruction(self.decoder(torch.cat([upper_BDhw, lower_BDhw], dim=2)), None, None)
        upper, lower = self.upper(upper_BDhw), self.lower(lower_BDhw)
        z_BDhh = torch.cat([upper.embedding, lower.embedding], dim=2)
        return Reconstruction(self.decoder(z_BDhh), upper, lower)

    def encode_halves(self, image_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Unquantised embeddings of the upper and the lower half, each (B, D, h / 2, h)."""
        halves_2B = torch.cat(image_B3SS.chunk(2, dim=2))
        return tuple(self.encoder(halves_2B).chunk(2))

    def tokenize(self, image_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Code indices of the upper and the lower half, each (B, h / 2, h) int64."""
        return tuple(
            quantizer.nearest(z_BDhw.float().movedim(1, -1).flatten(0, 2)).view(-1, z_BDhw.shape[2], z_BDhw.shape[3])
            for quantizer, z_BDhw in zip((self.upper, self.lower), self.encode_halves(image_B3SS), strict=True)
        )

    def embed(self, upper_Bhw: Tensor, lower_Bhw: Tensor) -> Tensor:
        """Code indices of the two halves, each (B, h / 2, h) -> standardised embeddings (B, D, h, h).

        Standardised: zero mean and unit variance over each codebook. Everything downstream works on these, so that its losses and learning
        rates do not depend on the scale that a codebook happened to take.
        """
        return torch.cat([self.embed_half(upper_Bhw, self.upper), self.embed_half(lower_Bhw, self.lower)], dim=2)

    def embed_half(self, codes_Bhw: Tensor, quantizer: VectorQuantizer) -> Tensor:
        """Code indices (B, h / 2, h) of one half -> its standardised embeddings (B, D, h / 2, h)."""
        mean, deviation = _statistics(quantizer)
        return (quantizer.embed(codes_Bhw) - mean) / deviation

    def decode(self, z_BDhh: Tensor) -> Tensor:
        """Standardised embeddings -> (B, 3, S, S) image clamped to [-1, 1]."""
        return self.decoder(self._raw(z_BDhh)).clamp(-1, 1)

    def requantise(self, z_BDhh: Tensor) -> Tensor:
        """Standardised embeddings moved onto the nearest code of their half; the same shape."""
        codes = [
            quantizer.nearest(half.float().movedim(1, -1).flatten(0, 2)).view(half.shape[0], *half.shape[2:])
            for quantizer, half in zip((self.upper, self.lower), self._raw(z_BDhh).chunk(2, dim=2), strict=True)
        ]
        return self.embed(*codes)

    def _raw(self, z_BDhh: Tensor) -> Tensor:
        halves = []
        for quantizer, half in zip((self.upper, self.lower), z_BDhh.chunk(2, dim=2), strict=True):
            mean, deviation = _statistics(quantizer)
            halves.append(half * deviation + mean)
        return torch.cat(halves, dim=2)


def _statistics(quantizer: VectorQuantizer) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over a codebook, each (1, D, 1, 1)."""
    deviation, mean = torch.std_mean(quantizer.codebook, dim=0)
    return mean[None, :, None, None], deviation.clamp(min=1e-4)[None, :, None, None]
