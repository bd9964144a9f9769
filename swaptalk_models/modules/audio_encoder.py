"""Mel windows -> audio tokens (for cross-attention) or one embedding (for the sync networks)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from swaptalk_models.modules.blocks import norm

MEL_BANDS = 80
MEL_STEPS = 16
_MEL_SCALE = 4.0  # mels come in [-4, 4]
MEL_SILENCE = -_MEL_SCALE


class AudioEncoder(nn.Module):
    """(B, 16, 80) mel window -> (B, 8, dim) tokens, in order of time.

    2-d convolutions first, because a shift in frequency (another voice) should cost little; the bands are folded into channels at the end.
    """

    def __init__(self, dim: int, channels: int = 32) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=(1, 2), padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=(2, 2), padding=1),
            norm(2 * channels),
            nn.SiLU(),
            nn.Conv2d(2 * channels, 2 * channels, 3, stride=(1, 2), padding=1),
            norm(2 * channels),
            nn.SiLU(),
        )
        self.tokens = nn.Linear(2 * channels * MEL_BANDS // 8, dim)
        self.position = nn.Parameter(0.02 * torch.randn(MEL_STEPS // 2, dim))

    def forward(self, mel_BTF: Tensor) -> Tensor:
        maps_BCTF = self.maps(mel_BTF[:, None] / _MEL_SCALE)
        return self.tokens(maps_BCTF.transpose(1, 2).flatten(2)) + self.position
