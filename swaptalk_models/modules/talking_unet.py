"""Wav2Lip's layout (Prajwal et al. 2020, "A lip sync expert is all you need"): pictures and sound in, pixels out.

    two pictures --encoder--> maps at every scale ----------------------------+
    mel window --audio encoder--> vector, beside the coarsest map --decoder with skips--> maps of the pictures' size

A style (such as an identity embedding) scales and shifts every map of the decoder once it is normalised (adaptive instance normalisation, Huang
and Belongie 2017, which SimSwap injects identities by). **[ours]** widths and depths, fitted to small crops, and space-to-depth at full resolution.
Shapes: B batch, S side of the crop (px).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.modules.audio_encoder import MEL_STEPS, AudioEncoder
from swaptalk_models.modules.blocks import ResBlock, norm, start_at_zero


class Style(nn.Module):
    """Scales and shifts a normalised map by a style; starts as leaving the map alone. (B, C, H, W), (B, style_dim) -> (B, C, H, W)."""

    def __init__(self, channels: int, style_dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(style_dim, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x_BCHW: Tensor, style_BD: Tensor) -> Tensor:
        scale, shift = self.affine(style_BD)[:, :, None, None].chunk(2, dim=1)
        return x_BCHW + scale * F.instance_norm(x_BCHW) + shift


class TalkingUNet(nn.Module):
    """The trunk of a network that gives a face the lips of a sound."""

    def __init__(self, channels: Sequence[int], audio_dim: int, made: int, style_dim: int = 0) -> None:
        """
        Args:
            channels: from fine to coarse, each at half the resolution of the one before; the first at half the crop's.
            audio_dim: of an audio token.
            made: maps that come out.
            style_dim: of the style; 0: there is none.
        """
        super().__init__()
        coarsest = channels[-1]
        self.first = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(24, channels[0], 3, padding=1), ResBlock(channels[0], channels[0])
        )
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1), ResBlock(after, after))
            for before, after in pairwise(channels)
        )
        self.audio = AudioEncoder(audio_dim)
        self.sound = nn.Sequential(nn.Flatten(), nn.SiLU(), nn.Linear(audio_dim * MEL_STEPS // 2, coarsest))
        self.middle = nn.Sequential(ResBlock(2 * coarsest, coarsest), ResBlock(coarsest, coarsest))
        self.up = nn.ModuleList(
            nn.ModuleList([nn.Sequential(nn.Conv2d(coarse, 4 * fine, 1), nn.PixelShuffle(2)), ResBlock(2 * fine, fine)])
            for coarse, fine in pairwise(channels[::-1])
        )
        styled = [coarsest, *channels[-2::-1]] if style_dim else []
        self.styles = nn.ModuleList(Style(width, style_dim) for width in styled)
        self.last = nn.Sequential(
            norm(channels[0]), nn.SiLU(), nn.Conv2d(channels[0], 4 * made, 3, padding=1), nn.PixelShuffle(2)
        )
        start_at_zero(self.last[2])

    def maps(self, pictures_B6SS: Tensor, mel_BTF: Tensor, style_BD: Tensor | None = None) -> Tensor:
        """Two pictures in [-1, 1], mel windows (B, 16, 80) in [-4, 4] and, where the network takes one, a style -> (B, made, S, S); zeros before
        it has learned.
        """
        x = self.first(pictures_B6SS)
        skips = []
        for layer in self.down:
            skips.append(x)
            x = layer(x)
        sound = self.sound(self.audio(mel_BTF))[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = self._styled(0, self.middle(torch.cat([x, sound], dim=1)), style_BD)
        for number, (level, skip) in enumerate(zip(self.up, reversed(skips), strict=True), start=1):
            assert isinstance(level, nn.ModuleList)
            grow, block = level
            x = self._styled(number, block(torch.cat([grow(x), skip], dim=1)), style_BD)
        return self.last(x)

    def _styled(self, number: int, x_BCHW: Tensor, style_BD: Tensor | None) -> Tensor:
        return x_BCHW if style_BD is None else self.styles[number](x_BCHW, style_BD)


def lower_half_hidden(image_B3SS: Tensor) -> Tensor:
    """The picture with its lower half blacked out, as Wav2Lip is shown the target."""
    upper, lower = image_B3SS.chunk(2, dim=2)
    return torch.cat([upper, torch.zeros_like(lower)], dim=2)
