"""The VQ-lip expert: a SyncNet over VQ embeddings of the lower half, frozen later and used as L_sync."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.modules.sync_net import AudioTower, LatentTower, SyncNet
from swaptalk_models.settings.models import LipExpertConfig


class LipExpert(SyncNet):
    """Five frames of lower-half embeddings (B, 5, D, h / 2, h) against mel windows (B, 16, 80)."""

    video: LatentTower

    def __init__(self, config: LipExpertConfig, latent_dim: int, grid: int) -> None:
        super().__init__(LatentTower(config, latent_dim, grid), AudioTower(config.width, config.dim, config.dropout))
        self.config = config

    @classmethod
    def build(cls, config: LipExpertConfig, shape: Mapping[str, int]) -> LipExpert:
        return cls(config, shape["dim"], shape["grid"])

    @contextmanager
    def noisy(self) -> Iterator[None]:
        """Within, embeddings are looked at through noise: what cannot be seen in the picture cannot be heard by the expert either."""
        self.video.noise = self.config.noise
        try:
            yield
        finally:
            self.video.noise = 0.0

    def sync_loss(self, lower_BTDhw: Tensor, mel_BTF: Tensor) -> Tensor:
        """L_sync: mean -log P(in step). Gradients reach ``lower_BTDhw``."""
        return F.softplus(-self.logit(self.video(lower_BTDhw), self.audio(mel_BTF))).mean()
