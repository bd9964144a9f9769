"""The decoder as Esser et al. (2021) built it for their f16 models, to compare the light one with: full width up to full resolution.

Channels are 128 times (1, 1, 2, 2, 4) from fine to coarse for f16, three residual blocks a resolution, self-attention at the coarsest and in the
middle, nearest-neighbour upsampling with a convolution behind it. Some 126 G multiply-adds for 256 px.
"""

from __future__ import annotations

from torch import Tensor, nn

from swaptalk_models.modules.blocks import ResBlock, SelfAttention2d, norm
from swaptalk_models.settings.models import VQGANConfig

_MULTIPLES = {4: (1, 2, 4), 8: (1, 1, 2, 4), 16: (1, 1, 2, 2, 4), 32: (1, 1, 2, 2, 4, 4)}
_BLOCKS = 3


class TamingDecoder(nn.Module):
    """(B, D, h, w) -> (B, 3, h * factor, w * factor), about [-1, 1]."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        widths = [config.decoder_channels * multiple for multiple in reversed(_MULTIPLES[config.factor])]
        first = widths[0]
        layers: list[nn.Module] = [nn.Conv2d(config.dim, config.dim, 1), nn.Conv2d(config.dim, first, 3, padding=1)]
        layers += [ResBlock(first, first), SelfAttention2d(first, heads=1), ResBlock(first, first)]
        previous = first
        for level, width in enumerate(widths):
            if level:
                layers += [nn.Upsample(scale_factor=2), nn.Conv2d(previous, previous, 3, padding=1)]
            for _ in range(_BLOCKS):
                layers.append(ResBlock(previous, width))
                layers += [SelfAttention2d(width, heads=1)] if level == 0 else []
                previous = width
        layers += [norm(previous), nn.SiLU(), nn.Conv2d(previous, 3, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, z_BDhw: Tensor) -> Tensor:
        return self.layers(z_BDhw)

    def fine(self, z_BDhw: Tensor) -> Tensor:
        """All of the picture: there is no linear path beside the convolutions."""
        return self.layers(z_BDhw)

    def coarse(self, z_BDhw: Tensor) -> Tensor:
        """Nothing."""
        return z_BDhw.new_zeros(())

    @property
    def last_layer(self) -> Tensor:
        """Weights that the adaptive adversarial weight compares gradients at."""
        layer = self.layers[-1]
        assert isinstance(layer, nn.Conv2d)
        return layer.weight
