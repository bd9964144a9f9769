"""The paper's end-to-end competitor, WavSyncSwap: one RGB network that swaps and speaks at once.

    target with its lower half blacked out, source, mel window --Wav2Lip's layout (talking_unet.py), styled by the source's identity--> face

The paper says that it is one network on pixels, which lip-syncs and swaps together. What it leaves open is ours:

- Layout and sound as Wav2Lip's. The picture that shows what to make is the source's, in the place of a reference frame of the target.
- The identity is an embedding of a frozen recogniser (`identity_encoder`, never the judge), which styles the decoder as in SimSwap.
- The output is a difference to a mix of target and source, whose share is learned for each pixel; of the lower half the target is never seen, so
  that the mix is the source there. A short training is then not spent on learning to copy: our face swapper has such a skip, too.

Shapes: B batch, S side of the crop (px), E channels of the identity.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.talking_unet import TalkingUNet, lower_half_hidden
from swaptalk_models.settings.models import WavSyncSwapConfig

_BATCH = 32


class WavSyncSwap(TalkingUNet):
    """One face in pixels: the target's pose, the source's face, the lips of one mel window."""

    def __init__(self, config: WavSyncSwapConfig, identity_dim: int) -> None:
        super().__init__(config.channels, config.audio_dim, made=4, style_dim=identity_dim)
        self.config = config

    @classmethod
    def build(cls, config: WavSyncSwapConfig, shape: Mapping[str, int]) -> WavSyncSwap:
        return cls(config, shape["identity"])

    def forward(self, target: Tensor, source: Tensor, identity_BE: Tensor, mel_BTF: Tensor) -> Tensor:
        """The target with the source's face, speaking.

        Args:
            target: (B, 3, S, S) in [-1, 1]; its lower half is never looked at.
            source: (B, 3, S, S), a picture of the wanted person.
            identity_BE: the source's identity embedding, unit length.
            mel_BTF: (B, 16, 80) mel window centred on the target frame, values in [-4, 4].

        Returns:
            (B, 3, S, S), about [-1, 1].
        """
        seen = lower_half_hidden(target)
        maps = self.maps(torch.cat([seen, source], dim=1), mel_BTF, identity_BE).float()
        upper, lower = torch.sigmoid(maps[:, 3:]).chunk(2, dim=2)
        share = torch.cat([upper, torch.ones_like(lower)], dim=2)  # of the source
        return maps[:, :3] + share * source + (1 - share) * seen


@torch.inference_mode()
def swap_and_speak_pixels(
    model: WavSyncSwap, identity: nn.Module, crops: np.ndarray, source: np.ndarray, windows: np.ndarray
) -> np.ndarray:
    """Crops (T, S, S, 3) uint8 with the face of ``source`` (S, S, 3) uint8 and the lips of mel windows (T, 16, 80)."""
    device = next(model.parameters()).device
    face = torch.from_numpy(to_unit(source[None])).to(device)
    style = identity(face)
    made = []
    for first in range(0, len(crops), _BATCH):
        some = slice(first, first + _BATCH)
        images = torch.from_numpy(to_unit(crops[some])).to(device)
        heard = torch.from_numpy(windows[some]).to(device)
        faces, styles = face.expand(len(images), -1, -1, -1), style.expand(len(images), -1)
        made.append(from_unit(model(images, faces, styles, heard).float().cpu().numpy()))
    return np.concatenate(made)
