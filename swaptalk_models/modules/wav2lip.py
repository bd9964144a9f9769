"""RGB lip-sync after Wav2Lip (Prajwal et al. 2020, "A lip sync expert is all you need"): what the latent lip-sync is compared with.

    target with its lower half blacked out, reference, mel window --Wav2Lip's layout (talking_unet.py)--> face

**[ours]** the output is a difference to the target's upper and the reference's lower half, so that a short training is not spent on learning to
copy. Shapes: B batch, S side of the crop (px).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.talking_unet import TalkingUNet, lower_half_hidden
from swaptalk_models.settings.models import Wav2LipConfig

_BATCH = 32


class Wav2Lip(TalkingUNet):
    """One face in pixels, with the lips of one mel window."""

    def __init__(self, config: Wav2LipConfig) -> None:
        super().__init__(config.channels, config.audio_dim, made=3)
        self.config = config

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
        made = self.maps(torch.cat([lower_half_hidden(target), reference], dim=1), mel_BTF)
        return torch.cat([upper, lower], dim=2) + made


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
