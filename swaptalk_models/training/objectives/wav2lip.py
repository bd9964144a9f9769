"""Training of the Wav2Lip-style baseline: L1 in pixels, and L_sync from the very expert that ours is trained with.

Wav2Lip trains a pixel-space expert of its own. Here its faces go through the frozen VQGAN encoder to the frozen VQ-lip expert instead: both
methods then have the same teacher, the same snapshot and the same budget, and what differs is the space they work in. The sync judge, which
measures both, trains neither.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.wav2lip import Wav2Lip
from swaptalk_models.settings.models import Wav2LipConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, frozen
from swaptalk_models.training.objectives.sync import mask_mel
from swaptalk_models.training.talk_samples import TalkSamples, draw_talk, talking_clips


class Wav2LipObjective(Objective):
    """Five consecutive frames a sample, so that the expert can look at what comes out."""

    model: Wav2Lip

    def __init__(self, config: Wav2LipConfig, data: TrainingData, vqgan: VQGAN, expert: LipExpert) -> None:
        self.config, self.data = config, data
        self.model = Wav2Lip(config)
        self.vqgan, self.expert = frozen(vqgan), frozen(expert)
        self.samples = config.train.batch // (config.train.processes * config.train.accumulate) if config.train else 16
        self.clips = talking_clips(data, "wav2lip")

    @classmethod
    def build(cls, inputs: TrainingInputs) -> Wav2LipObjective:
        return cls(inputs.config, inputs.data, inputs.network("vqgan", VQGAN), inputs.network("lip_expert", LipExpert))

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        return self.read(draw_talk(self.data, self.clips, rng, size))

    def read(self, drawn: TalkSamples) -> Batch:
        """Per sample: 5 frames, their lips' weights, a reference frame of the same clip but none of the five, and mel windows."""
        rows = drawn.target.ravel()
        lips = np.where(
            self.data.labels[rows] == REGIONS.index("lip"), np.float32(self.config.lip_weight), np.float32(1)
        )
        arrays = {"target": to_unit(self.data.crops(rows)), "weight": lips / lips.mean((1, 2), keepdims=True)}
        # The five frames of a sample stay together when a batch is shared out.
        batch = {name: torch.unflatten(torch.from_numpy(array), 0, (-1, SYNC_FRAMES)) for name, array in arrays.items()}
        batch["reference"] = torch.from_numpy(to_unit(self.data.crops(drawn.reference)))
        return batch | {"mel": torch.from_numpy(drawn.mel), "mel_expert": torch.from_numpy(drawn.mel_expert)}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        made = self.predict(self.model, batch | {"mel": mask_mel(batch["mel"])})
        target = batch["target"].flatten(0, 1)
        weight = F.interpolate(batch["weight"].flatten(0, 1)[:, None], size=target.shape[2:], mode="nearest")
        pixel = (weight * (made - target).abs()).mean()
        loss, parts = pixel, {"pixel": pixel}
        if self.config.sync_weight and progress >= self.config.sync_start:
            with self.expert.noisy():
                sync = self.sync(made, batch)
            loss, parts = loss + self.config.sync_weight * sync, parts | {"sync": sync}
        return loss, parts

    def predict(self, model: Wav2Lip, batch: Batch) -> Tensor:
        """Faces (N * 5, 3, S, S)."""
        reference = batch["reference"].repeat_interleave(SYNC_FRAMES, dim=0)
        return model(batch["target"].flatten(0, 1), reference, batch["mel"].flatten(0, 1))

    def sync(self, made: Tensor, batch: Batch) -> Tensor:
        """L_sync of faces (N * 5, 3, S, S), seen as the expert sees: their lower halves' standardised embeddings, before quantisation."""
        mean, deviation = self.vqgan.lower.statistics()
        lower = (self.vqgan.encoder(made.chunk(2, dim=2)[1]) - mean) / deviation
        return self.expert.sync_loss(lower.unflatten(0, (-1, SYNC_FRAMES)), batch["mel_expert"])
