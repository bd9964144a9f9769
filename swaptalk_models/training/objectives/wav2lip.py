"""Training of the Wav2Lip-style baseline: L1 in pixels, and L_sync (training/talk_pictures.py)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.wav2lip import Wav2Lip
from swaptalk_models.settings.models import Wav2LipConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, frozen
from swaptalk_models.training.objectives.sync import mask_mel
from swaptalk_models.training.talk_pictures import hear_like, sync_of_pictures, talk_pictures, weighted_l1
from swaptalk_models.training.talk_samples import TalkSamples, draw_talk, talking_clips


class Wav2LipObjective(Objective):
    """Five consecutive frames a sample, so that the expert can look at what comes out."""

    model: Wav2Lip

    def __init__(self, config: Wav2LipConfig, data: TrainingData, vqgan: VQGAN, expert: LipExpert) -> None:
        self.config, self.data = config, data
        self.model = Wav2Lip(config)
        hear_like(self.model, expert, config.audio_dim)
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
        return talk_pictures(self.data, drawn, self.config.lip_weight)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        made = self.predict(self.model, batch | {"mel": mask_mel(batch["mel"])})
        pixel = self.pixel(made, batch)
        loss, parts = pixel, {"pixel": pixel}
        if self.config.sync_weight and progress >= self.config.sync_start:
            with self.expert.noisy():
                sync = self.sync(made, batch)
            loss, parts = loss + self.config.sync_weight * sync, parts | {"sync": sync}
        return loss, parts

    def pixel(self, made: Tensor, batch: Batch) -> Tensor:
        """The L1 that is trained on, in which lips count more."""
        return weighted_l1(made, batch["target"].flatten(0, 1), batch["weight"].flatten(0, 1))

    def predict(self, model: Wav2Lip, batch: Batch) -> Tensor:
        """Faces (N * 5, 3, S, S)."""
        reference = batch["reference"].repeat_interleave(SYNC_FRAMES, dim=0)
        return model(batch["target"].flatten(0, 1), reference, batch["mel"].flatten(0, 1))

    def sync(self, made: Tensor, batch: Batch) -> Tensor:
        """L_sync of faces (N * 5, 3, S, S)."""
        return sync_of_pictures(self.vqgan, self.expert, made, batch["mel_expert"])
