"""Face crops -> codes, with a frozen VQGAN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from swaptalk_models.data.stages.vq_latents import Encode
from swaptalk_models.modules.device import pick_device
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.weights import load_model

_BATCH = 64


def load_encoder(vqgan: Path, device: str) -> Encode:
    """What ``LatentEncoder`` does, alone."""
    return LatentEncoder(vqgan, device).encode


class LatentEncoder:
    """Codes of aligned crops, by the VQGAN in a model folder."""

    def __init__(self, vqgan: Path, device: str = "auto") -> None:
        self.device = pick_device(device)
        self.vqgan = load_model("vqgan", vqgan, str(self.device))

    @torch.inference_mode()
    def encode(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(T, S, S, 3) uint8 -> codes of the upper and of the lower half, each (T, n) uint16, row by row."""
        halves: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for first in range(0, len(crops), _BATCH):
            images = torch.from_numpy(to_unit(crops[first : first + _BATCH])).to(self.device)
            for half, codes in zip(halves, self.vqgan.tokenize(images), strict=True):
                half.append(codes.flatten(1).cpu().numpy().astype(np.uint16))
        return np.concatenate(halves[0]), np.concatenate(halves[1])
