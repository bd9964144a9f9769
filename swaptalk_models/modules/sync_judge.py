"""The sync judge: a SyncNet over pixels of the mouth, used for measuring only. No generator is trained against it.

It also lends its features to a Fréchet distance where no Inception network is at hand; that figure carries the judge's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.modules.sync_net import SYNC_FRAMES, AudioTower, PixelTower, SyncNet
from swaptalk_models.settings.models import SyncJudgeConfig

_BATCH = 64


class SyncJudge(SyncNet):
    """Five lower halves of aligned crops against a mel window."""

    video: PixelTower

    def __init__(self, config: SyncJudgeConfig, crop_size: int, name: str = "sync_judge") -> None:
        super().__init__(PixelTower(config), AudioTower(config.dim, config.dim, config.dropout))
        self.config, self.crop_size, self.name = config, crop_size, name

    @classmethod
    def build(cls, config: SyncJudgeConfig, shape: Mapping[str, int]) -> SyncJudge:
        return cls(config, shape["crop_size"])

    @staticmethod
    def normalise(lower_BTHW3: Tensor) -> Tensor:
        """(B, T, H, W, 3) uint8 -> (B, T, 3, H, W) in [-1, 1]."""
        return lower_BTHW3.movedim(-1, 2).float() / 127.5 - 1

    @torch.no_grad()
    def video_embeddings(self, crops: np.ndarray) -> np.ndarray:
        """Embedding of the five frames from each frame on: (T, S, S, 3) uint8 aligned crops -> (T - 4, dim) float32, unit length."""
        return self._windows(crops, self.video)

    @torch.no_grad()
    def features(self, crops: np.ndarray) -> np.ndarray:
        """Activations for a Fréchet distance: (T, S, S, 3) uint8 aligned crops -> (T - 4, C) float32."""
        return self._windows(crops, self.video.features)

    @torch.no_grad()
    def audio_embeddings(self, mel: np.ndarray, frames: int | None = None) -> np.ndarray:
        """Embedding of the sound that goes with the five frames from each frame on.

        Args:
            mel: (T_mel, 80) float32 in [-4, 4].
            frames: how many frames the video has; by default as many as the mel covers.

        Returns:
            (frames - 4, dim) float32, unit length.
        """
        frames = frames if frames is not None else int(len(mel) * 25 / 80)
        starts = np.arange(max(0, frames - SYNC_FRAMES + 1))
        device = next(self.parameters()).device
        parts = np.split(starts, range(_BATCH, len(starts), _BATCH))
        return np.concatenate(
            [self.audio(torch.from_numpy(mel_windows(mel, part)).to(device)).cpu().numpy() for part in parts]
        )

    def _windows(self, crops: np.ndarray, network: Callable[[Tensor], Tensor]) -> np.ndarray:
        if crops.shape[1] != self.crop_size:
            crops = np.stack(
                [cv2.resize(crop, (self.crop_size, self.crop_size), interpolation=cv2.INTER_AREA) for crop in crops]
            )
        lower = np.ascontiguousarray(crops[:, self.crop_size // 2 :])
        device = next(self.parameters()).device
        starts = np.arange(len(lower) - SYNC_FRAMES + 1)
        out = []
        for first in range(0, len(starts), _BATCH):
            rows = starts[first : first + _BATCH, None] + np.arange(SYNC_FRAMES)
            out.append(network(self.normalise(torch.from_numpy(lower[rows]).to(device))).float().cpu().numpy())
        return np.concatenate(out)


def load_sync_judge(folder: Path, device: str = "cpu") -> SyncJudge:
    """The judge kept in a model folder; its name carries its version. `device`: as in ``train.device``."""
    from swaptalk_models.modules.device import pick_device
    from swaptalk_models.modules.model_folder import judge_name
    from swaptalk_models.modules.weights import load_model

    judge = load_model("sync_judge", folder, str(pick_device(device)))
    judge.name = judge_name(Path(folder))
    return judge
