"""Face recogniser: unit-length identity embeddings of aligned crops, trained with an additive cosine margin (CosFace).

It is a loss, never a judge: what is measured against identity uses another network (metrics/dlib_judge.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.modules.blocks import ResBlock, norm
from swaptalk_models.settings.models import IdentityEncoderConfig


class IdentityEncoder(nn.Module):
    """(B, 3, S, S) in [-1, 1] -> (B, dim), unit length."""

    def __init__(self, config: IdentityEncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        self.stem = nn.Conv2d(3, widths[0], 4, stride=2, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(ResBlock(width, width), nn.Conv2d(width, following, 4, stride=2, padding=1))
            for width, following in pairwise(widths)
        )
        self.head = nn.Sequential(norm(widths[-1]), nn.SiLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.out = nn.Linear(16 * widths[-1], config.dim)

    def features(self, image_B3SS: Tensor) -> list[Tensor]:
        """Maps of the inner face from fine to coarse, (B, C_i, s / 2^(i + 1), s / 2^(i + 1)) with s about 0.7 S: what the perceptual loss compares.

        Hair, clothes and background, which a swap leaves alone, are cut away.
        """
        rim = image_B3SS.shape[-1] * 5 // 32
        maps = [self.stem(image_B3SS[..., rim:-rim, rim:-rim])]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps

    def forward(self, image_B3SS: Tensor) -> Tensor:
        return self.embed(self.features(image_B3SS))

    def embed(self, maps: list[Tensor]) -> Tensor:
        """Identity embedding (B, dim) from ``features``, so that one pass serves both losses."""
        return F.normalize(self.out(self.head(maps[-1])).float(), dim=-1)


class CosineMarginHead(nn.Module):
    """Training only: CosFace logits (Wang et al. 2018) over the training people."""

    def __init__(self, dim: int, people: int, margin: float, scale: float) -> None:
        super().__init__()
        self.margin, self.scale = margin, scale
        self.weight = nn.Parameter(torch.randn(people, dim))

    def forward(self, embedding_BD: Tensor, person_B: Tensor) -> Tensor:
        """(B, people) logits, the right person's cosine lowered by the margin."""
        cosine = embedding_BD @ F.normalize(self.weight, dim=-1).T
        return self.scale * (cosine - self.margin * F.one_hot(person_B, len(self.weight)))


def perceptual_loss(maps: list[Tensor], reference: list[Tensor]) -> Tensor:
    """Mean squared distance of channel-normalised feature maps, averaged over layers (LPIPS without learned weights)."""
    losses = [
        (F.normalize(a.float(), dim=1) - F.normalize(b.float(), dim=1)).square().sum(1).mean()
        for a, b in zip(maps, reference, strict=True)
    ]
    return torch.stack(losses).mean()


def build_identity_encoder(config: IdentityEncoderConfig, shape: Mapping[str, Any]) -> nn.Module:
    """Ours, or somebody else's ArcFace where the settings name one."""
    if not config.external:
        return IdentityEncoder(config)
    from swaptalk_models.modules.arcface import ArcFace

    return ArcFace(config, shape["crop_size"], shape.get("depth", 50), shape.get("crop_margin", 0.0))
