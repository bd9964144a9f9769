"""Two towers that put 5 frames of lips and 16 mel steps into one space: near when in step (after Chung & Zisserman 2016).

The VQ-lip expert looks at VQ embeddings of the lower half, the sync judge at pixels; all else is the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.modules.audio_encoder import MEL_STEPS, AudioEncoder
from swaptalk_models.modules.blocks import ResBlock, norm
from swaptalk_models.settings.models import LipExpertConfig, SyncJudgeConfig

SYNC_FRAMES = 5


class AudioTower(nn.Module):
    """(B, 16, 80) mel window -> (B, dim), unit length."""

    def __init__(self, width: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.encoder = AudioEncoder(width)
        self.out = nn.Sequential(
            nn.Flatten(),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(width * MEL_STEPS // 2, 2 * dim),
            nn.SiLU(),
            nn.Linear(2 * dim, dim),
        )

    def forward(self, mel_BTF: Tensor) -> Tensor:
        return F.normalize(self.out(self.encoder(mel_BTF)).float(), dim=-1)


class SyncNet(nn.Module):
    """A video tower, an audio tower, and the logit of "in step"."""

    def __init__(self, video: nn.Module, audio: AudioTower) -> None:
        super().__init__()
        self.video, self.audio = video, audio
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-3.0))

    def logit(self, video_BD: Tensor, audio_BD: Tensor) -> Tensor:
        """(B,) log-odds of being in step, from unit-length embeddings (B, D)."""
        return self.log_scale.exp() * (video_BD * audio_BD).sum(-1) + self.bias

    def logits(self, video_BD: Tensor, audio_BD: Tensor) -> Tensor:
        """(B, B) log-odds of every video window with every audio window."""
        return self.log_scale.exp() * (video_BD @ audio_BD.T) + self.bias


class LatentTower(nn.Module):
    """(B, 5, D, h / 2, h) standardised embeddings of the lower half -> (B, dim), unit length."""

    def __init__(self, config: LipExpertConfig, latent_dim: int, grid: int) -> None:
        super().__init__()
        self.noise = 0.0
        # Each frame alone first, then all five together: the same lips look the same at any place of the window.
        self.frame = nn.Sequential(
            nn.Conv2d(latent_dim, config.width // 2, 1), ResBlock(config.width // 2, config.width // 2)
        )
        self.window = nn.Sequential(
            nn.Conv2d(SYNC_FRAMES * config.width // 2, config.width, 3, padding=1),
            ResBlock(config.width, config.width),
            nn.Conv2d(config.width, config.width, 4, stride=2, padding=1),
            ResBlock(config.width, config.width),
            norm(config.width),
            nn.SiLU(),
        )
        self.out = nn.Sequential(
            nn.AdaptiveAvgPool2d((min(grid // 4, 4), min(grid // 2, 8))),
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width * min(grid // 4, 4) * min(grid // 2, 8), config.dim),
        )

    def forward(self, lower_BTDhw: Tensor) -> Tensor:
        # Less the window's mean: colour and light of a person fall away.
        lower_BTDhw = lower_BTDhw - lower_BTDhw.mean(dim=(1, 3, 4), keepdim=True)
        if self.noise:
            lower_BTDhw = lower_BTDhw + self.noise * torch.randn_like(lower_BTDhw)
        frames = self.frame(lower_BTDhw.flatten(0, 1))
        window = self.window(frames.unflatten(0, (-1, SYNC_FRAMES)).flatten(1, 2))
        return F.normalize(self.out(window).float(), dim=-1)


class PixelTower(nn.Module):
    """(B, 5, 3, S / 2, S) lower halves in [-1, 1] -> (B, dim), unit length."""

    def __init__(self, config: SyncJudgeConfig) -> None:
        super().__init__()
        widths = config.channels
        # Space-to-depth: as much information at a quarter of the cost.
        self.frame = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, widths[0], 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(widths[0], widths[0], 4, stride=2, padding=1),
            ResBlock(widths[0], widths[0]),
        )
        layers: list[nn.Module] = [nn.Conv2d(SYNC_FRAMES * widths[0], widths[1], 3, padding=1)]
        for before, after in zip(widths[1:], (*widths[2:], widths[-1]), strict=True):
            layers += [ResBlock(before, before), nn.Conv2d(before, after, 4, stride=2, padding=1)]
        self.window = nn.Sequential(*layers, norm(widths[-1]), nn.SiLU(), nn.AdaptiveAvgPool2d((2, 4)), nn.Flatten())
        self.out = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(8 * widths[-1], config.dim))

    def forward(self, lower_BT3HW: Tensor) -> Tensor:
        return F.normalize(self.out(self.features(lower_BT3HW)).float(), dim=-1)

    def features(self, lower_BT3HW: Tensor) -> Tensor:
        """(B, 8 * widths[-1]) activations before the last layer."""
        frames = self.frame(lower_BT3HW.flatten(0, 1))
        return self.window(frames.unflatten(0, (-1, SYNC_FRAMES)).flatten(1, 2))
