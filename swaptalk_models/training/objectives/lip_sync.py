"""Training of the lip-sync module: L_code against the target's lower half, L_sync from the frozen expert, and a pixel loss (ours) where it is
weighted. What the module does not answer for (`lip_sync.region`) is the target's own in all of them, as at inference.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.data.faces.regions import REGIONS
from swaptalk_models.modules.audio_encoder import MEL_SILENCE
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import LipSyncConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, frozen
from swaptalk_models.training.objectives.sync import mask_mel
from swaptalk_models.training.talk_samples import TalkSamples, closed_windows, draw_talk, talking_clips
from swaptalk_models.training.voices import Voices

_MIDDLE = SYNC_FRAMES // 2


class LipSyncObjective(Objective):
    """Five consecutive frames a sample, so that the expert can look at what comes out."""

    model: LipSync

    def __init__(
        self, config: LipSyncConfig, data: TrainingData, vqgan: VQGAN, vqgan_version: str, grid: int, expert: LipExpert
    ) -> None:
        self.config, self.data = config, data
        self.model = LipSync(config, vqgan.config.dim, grid, vqgan.config.factor)
        self.vqgan, self.expert = frozen(vqgan), frozen(expert)
        if expert.config.width == config.audio_dim:
            # The expert has learned already what in a sound moves lips.
            self.model.audio.load_state_dict(expert.audio.encoder.state_dict())
        self.upper, self.lower = data.codes(vqgan_version, grid)
        self.labels, self.grid = data.labels_at(grid), grid
        self.clips = talking_clips(data, "lip_sync")
        self.voices = Voices(data.mels, data.heard, config.loudness_drift, config.even_lows)
        self.closed = {clip.name: closed_windows(data.landmarks_of_clip(clip)) for clip in self.clips}

    @classmethod
    def build(cls, inputs: TrainingInputs) -> LipSyncObjective:
        return cls(inputs.config, inputs.data, *inputs.latents, inputs.network("lip_expert", LipExpert))

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        drawn = draw_talk(self.data, self.clips, rng, size, self.closed, self.config.quiet, self.voices)
        batch = self.read(drawn)
        if self.config.pixel_weight:
            batch["image"] = torch.from_numpy(to_unit(self.data.crops(drawn.target[:, _MIDDLE])))
        return batch

    def read(self, drawn: TalkSamples) -> Batch:
        """Per sample: the upper halves of 5 frames, a reference frame of the same clip, mel windows, and the lower halves as labels."""
        arrays = {
            "target_upper": self.upper[drawn.target],
            "label": self.lower[drawn.target],
            "reference_upper": self.upper[drawn.reference],
            "reference_lower": self.lower[drawn.reference],
        }
        batch = {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}
        lips = self.labels[drawn.target][:, :, self.grid // 2 :] == REGIONS.index("lip")
        batch["weight"] = torch.from_numpy(np.where(lips, np.float32(self.config.lip_weight), np.float32(1)))
        return batch | {"mel": torch.from_numpy(drawn.mel), "mel_expert": torch.from_numpy(drawn.mel_expert)}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        silent = (batch["mel"] == MEL_SILENCE).all(-1, keepdim=True).all(-2, keepdim=True)
        # Silence is no voice that could be learned by heart: it is heard as it is at inference.
        heard = torch.where(silent, batch["mel"], mask_mel(batch["mel"]))
        made = self.predict(self.model, batch | {"mel": heard})
        code = (self._weight(batch).flatten(0, 1)[:, None] * (made - self.label(batch)).square()).mean()
        loss, parts = self.config.code_weight * code, {"code": code}
        if self.config.pixel_weight:
            pixel = self._pixel_loss(made, batch)
            loss, parts = loss + self.config.pixel_weight * pixel, parts | {"pixel": pixel}
        if self.config.sync_weight and progress >= self.config.sync_start:
            with self.expert.noisy():
                sync = self.expert.sync_loss(torch.unflatten(made, 0, (-1, SYNC_FRAMES)), batch["mel_expert"])
            loss, parts = loss + self.config.sync_weight * sync, parts | {"sync": sync}
        return loss, parts

    def _pixel_loss(self, made: Tensor, batch: Batch) -> Tensor:
        """Absolute error of the decoded lower half, weighted as L_code is, on the middle frame of the five: the others look much like it."""
        upper = self.vqgan.embed_half(batch["target_upper"][:, _MIDDLE], self.vqgan.upper)
        lower = torch.unflatten(made, 0, (-1, SYNC_FRAMES))[:, _MIDDLE]
        image = self.vqgan.decode(torch.cat([upper, lower], dim=2))
        error = (image - batch["image"]).abs().mean(1).chunk(2, dim=1)[1]
        return (F.interpolate(self._weight(batch)[:, [_MIDDLE]], error.shape[1:])[:, 0] * error).mean()

    def _weight(self, batch: Batch) -> Tensor:
        """How much each cell counts, (N, 5, h / 2, h): nothing outside of the region that is made, 1 on average."""
        weight = batch["weight"] * self.model.region[0]
        return weight / weight.mean((2, 3), keepdim=True)

    def predict(self, model: LipSync, batch: Batch) -> Tensor:
        """Predicted lower halves, (N * 5, D, h / 2, h), in their places in the target's."""
        return model.place(model(*self.seen(batch), batch["mel"].flatten(0, 1)), self.label(batch))

    def seen(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Upper halves (N * 5, D, h / 2, h) and references (N * 5, D, h, h)."""
        upper = self.vqgan.embed_half(batch["target_upper"].flatten(0, 1), self.vqgan.upper)
        return upper, self.vqgan.embed(batch["reference_upper"], batch["reference_lower"]).repeat_interleave(
            SYNC_FRAMES, dim=0
        )

    def label(self, batch: Batch) -> Tensor:
        """The target's own lower halves, (N * 5, D, h / 2, h)."""
        return self.vqgan.embed_half(batch["label"].flatten(0, 1), self.vqgan.lower)
