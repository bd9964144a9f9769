"""RGB lip-sync after Wav2Lip (Prajwal et al. 2020, "A lip sync expert is all you need"): what the latent lip-sync is compared with.

    target with its lower half blacked out, reference --encoder--> maps at every scale --+
    mel window --audio encoder--> vector, beside the coarsest map --decoder with skips--> face

**[ours]** widths and depths, fitted to small crops; space-to-depth at full resolution; and the output is a difference to the target's upper
and the reference's lower half, so that a short training is not spent on learning to copy. Shapes: B batch, S side of the crop (px).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from swaptalk_models.modules.audio_encoder import MEL_STEPS, AudioEncoder
from swaptalk_models.modules.blocks import ResBlock, norm, start_at_zero
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.settings.models import Wav2LipConfig

_BATCH = 32


class Wav2Lip(nn.Module):
    """One face in pixels, with the lips of one mel window."""

    def __init__(self, config: Wav2LipConfig) -> None:
        super().__init__()
        self.config = config
        widths, coarsest = config.channels, config.channels[-1]
        self.first = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(24, widths[0], 3, padding=1), ResBlock(widths[0], widths[0])
        )
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1), ResBlock(after, after))
            for before, after in pairwise(widths)
        )
        self.audio = AudioEncoder(config.audio_dim)
        self.sound = nn.Sequential(nn.Flatten(), nn.SiLU(), nn.Linear(config.audio_dim * MEL_STEPS // 2, coarsest))
        self.middle = nn.Sequential(ResBlock(2 * coarsest, coarsest), ResBlock(coarsest, coarsest))
        self.up = nn.ModuleList(
            nn.ModuleList([nn.Sequential(nn.Conv2d(coarse, 4 * fine, 1), nn.PixelShuffle(2)), ResBlock(2 * fine, fine)])
            for coarse, fine in pairwise(widths[::-1])
        )
        self.last = nn.Sequential(
            norm(widths[0]), nn.SiLU(), nn.Conv2d(widths[0], 12, 3, padding=1), nn.PixelShuffle(2)
        )
        start_at_zero(self.last[2])

    @classmethod
    def build(cls, config: Wav2LipConfig, shape: Mapping[str, int]) -> Wav2Lip:
        return cls(config)

    def forward(self, target: Tensor, reference: Tensor, mel_BTF: Tensor) -> Tensor:
        """The target's face with the lips of the sound.

        Args:
            target: (B, 3, S, S) in [-1, 1]; its lower half is never looked at.
            reference: (B, 3, S, S), a frame of the same person.
            mel_BTF: (B, 16, 80) mel window centred on the target frame, values in [-4, 4].

        Returns:
            (B, 3, S, S), about [-1, 1].
        """
        upper, lower = target.chunk(2, dim=2)[0], reference.chunk(2, dim=2)[1]
        masked = torch.cat([upper, torch.zeros_like(lower)], dim=2)
        x = self.first(torch.cat([masked, reference], dim=1))
        skips = []
        for layer in self.down:
            skips.append(x)
            x = layer(x)
        sound = self.sound(self.audio(mel_BTF))[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = self.middle(torch.cat([x, sound], dim=1))
        for level, skip in zip(self.up, reversed(skips), strict=True):
            assert isinstance(level, nn.ModuleList)
            grow, block = level
            x = block(torch.cat([grow(x), skip], dim=1))
        return torch.cat([upper, lower], dim=2) + self.last(x)


@torch.inference_mode()
def speak_pixels(model: Wav2Lip, crops: np.ndarray, references: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Crops (T, S, S, 3) uint8 with the lips of mel windows (T, 16, 80); references: as many crops, or one for all."""
    device = next(model.parameters()).device
    references = np.broadcast_to(references, crops.shape)
    made = []
    for first in range(0, len(crops), _BATCH):
        some = slice(first, first + _BATCH)
        images, refs = (torch.from_numpy(to_unit(pixels[some])).to(device) for pixels in (crops, references))
        made.append(from_unit(model(images, refs, torch.from_numpy(windows[some]).to(device)).float().cpu().numpy()))
    return np.concatenate(made)
