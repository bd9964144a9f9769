"""Training of the two sync networks: the VQ-lip expert (latents) and the sync judge (pixels).

A batch is some clips with many windows each, far enough apart that any two of a clip are out of step. Every window's sound is then a negative
for every other window of its clip, near and far. Windows of other clips are no negatives: to reject them it is enough to know which voice goes
with which face, and with few people a network learns just that by heart. The contrastive loss leaves chance within a few dozen steps, where a loss
on single pairs stays at 0.69 for very long; the pairs' cross-entropy calibrates the logit.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.errors import UserError
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.sync_judge import SyncJudge
from swaptalk_models.modules.sync_net import SYNC_FRAMES, SyncNet
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import LipExpertConfig, SyncJudgeConfig, TrainConfig
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, frozen
from swaptalk_models.training.voices import Voices

OUT_OF_STEP = 5  # frames: nearer than this, sound and lips may pass for being in step
_WINDOWS = 16  # windows a clip and batch, or as many as most clips can hold and the batch can be cut into


class SyncObjective(Objective):
    """Base of the two: batches of windows, the loss, the held-out accuracy. They differ in what a window of lips is."""

    model: SyncNet

    def __init__(self, data: TrainingData, train: TrainConfig) -> None:
        self.data, self.train = data, train
        room = {clip.name: (clip.frames - SYNC_FRAMES) // OUT_OF_STEP + 1 for clip in data.speaking("train")}
        most = min(_WINDOWS, int(np.median(list(room.values()))))
        if most < 2:
            raise UserError(
                f"lip modules need training clips of at least {OUT_OF_STEP + SYNC_FRAMES} frames; most are shorter"
            )
        # Processes and micro-batches get whole clips: negatives are looked for within a clip.
        share = train.batch // (train.processes * train.accumulate)
        self.windows = max(n for n in range(1, most + 1) if share % n == 0)
        if self.windows < 2:
            raise UserError(
                f"lip modules train on 2 to {most} windows a clip: train.batch / (processes * accumulate) = {share} is a multiple of none of them"
            )
        self.clips = [clip for clip in data.speaking("train") if room[clip.name] >= self.windows]

    def lips(self, rows_NT: np.ndarray) -> dict[str, np.ndarray]:
        """What the batch holds of the windows' frames (N, 5)."""
        raise NotImplementedError

    def video(self, model: SyncNet, batch: Batch) -> Tensor:
        """(N, dim) embeddings of the windows in a batch."""
        raise NotImplementedError

    def sound(self, clip: Clip, rng: np.random.Generator | None = None) -> np.ndarray:
        """What the network hears of a clip, (T_mel, 80). ``rng``: of a training, which may vary it."""
        raise NotImplementedError

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        assert size % self.windows == 0
        rows, mels = [], []
        count = size // self.windows
        for index in rng.integers(0, len(self.clips), count):
            clip = self.clips[index]
            starts = _apart(rng, clip.frames - SYNC_FRAMES + 1, self.windows)
            rows.append(clip.first + starts[:, None] + np.arange(SYNC_FRAMES))
            mels.append(mel_windows(self.sound(clip, rng), starts))
        lips = {name: torch.from_numpy(array) for name, array in self.lips(np.concatenate(rows)).items()}
        clip_of = torch.arange(count).repeat_interleave(self.windows)
        return lips | {"mel": torch.from_numpy(np.concatenate(mels)), "clip": clip_of}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        mel = mask_mel(batch["mel"]) if self.model.training else batch["mel"]
        logits = self.model.logits(self.video(self.model, batch), self.model.audio(mel))
        right = torch.arange(len(logits), device=logits.device)
        same_clip = batch["clip"][:, None] == batch["clip"][None]
        rivals = logits.masked_fill(~same_clip, -torch.inf)
        contrastive = 0.5 * (F.cross_entropy(rivals, right) + F.cross_entropy(rivals.T, right))
        in_step = torch.eye(len(logits), device=logits.device)
        # Balanced: half of the weight on pairs in step, half on out-of-step pairs of the same clip.
        weight = in_step / in_step.sum() + (same_clip.float() - in_step) / (same_clip.float() - in_step).sum()
        pairs = 0.5 * (weight * F.binary_cross_entropy_with_logits(logits, in_step, reduction="none")).sum()
        accuracy = 0.5 * (weight * ((logits > 0) == in_step.bool()).float()).sum()
        return contrastive + pairs, {"contrastive": contrastive, "pairs": pairs, "accuracy": accuracy}


class LipExpertObjective(SyncObjective):
    """Windows are codes of the lower half, straight from the cache."""

    def __init__(
        self, config: LipExpertConfig, data: TrainingData, vqgan: VQGAN, vqgan_version: str, grid: int
    ) -> None:
        super().__init__(data, config.train)
        self.model = LipExpert(config, vqgan.config.dim, grid)
        self.vqgan = frozen(vqgan)
        _, self.lower = data.codes(vqgan_version, grid)
        self.voices = Voices(data.mels, data.heard, config.loudness_drift, config.even_lows)

    @classmethod
    def build(cls, inputs: TrainingInputs) -> LipExpertObjective:
        return cls(inputs.config, inputs.data, *inputs.latents)

    def lips(self, rows_NT: np.ndarray) -> dict[str, np.ndarray]:
        return {"lower": self.lower[rows_NT].astype(np.int64)}

    def sound(self, clip: Clip, rng: np.random.Generator | None = None) -> np.ndarray:
        return self.data.heard[clip.name] if rng is None else self.voices.of(clip.name, rng)

    def video(self, model: SyncNet, batch: Batch) -> Tensor:
        codes_NTGhw = batch["lower"]
        z = self.vqgan.embed_half(codes_NTGhw.flatten(0, 1), self.vqgan.lower)
        windows = torch.unflatten(z, 0, (-1, SYNC_FRAMES))
        if not model.training:
            return model.video(windows)
        assert isinstance(model, LipExpert)
        with model.noisy():
            return model.video(windows)


class SyncJudgeObjective(SyncObjective):
    """Windows are pixels of the lower half, mirrored at random while training."""

    def __init__(self, config: SyncJudgeConfig, data: TrainingData) -> None:
        super().__init__(data, config.train)
        self.model = SyncJudge(config, crop_size=data.crops(np.array([0])).shape[1])

    @classmethod
    def build(cls, inputs: TrainingInputs) -> SyncJudgeObjective:
        return cls(inputs.config, inputs.data)

    def lips(self, rows_NT: np.ndarray) -> dict[str, np.ndarray]:
        crops = self.data.crops(rows_NT.ravel())
        lower = np.ascontiguousarray(crops[:, crops.shape[1] // 2 :])
        return {"lower": lower.reshape(*rows_NT.shape, *lower.shape[1:])}

    def sound(self, clip: Clip, rng: np.random.Generator | None = None) -> np.ndarray:
        return self.data.mels[clip.name]

    def video(self, model: SyncNet, batch: Batch) -> Tensor:
        lower = batch["lower"]
        if model.training:
            lower = torch.where(torch.rand((), device=lower.device) < 0.5, torch.flip(lower, [3]), lower)
        return model.video(SyncJudge.normalise(lower))


def _apart(rng: np.random.Generator, starts: int, n: int) -> np.ndarray:
    """``n`` sorted window starts in range(starts), any two at least OUT_OF_STEP apart."""
    slack = starts - 1 - OUT_OF_STEP * (n - 1)
    return np.sort(rng.integers(0, slack + 1, n)) + OUT_OF_STEP * np.arange(n)


def mask_mel(mel: Tensor) -> Tensor:
    """Mel windows (B, ..., 80) with a few bands of each sample silenced and its loudness moved, so that a voice is not learned by heart."""
    bands, one_a_sample = mel.shape[-1], (len(mel), *[1] * (mel.dim() - 1))
    start = torch.randint(0, bands, one_a_sample, device=mel.device)
    band = torch.arange(bands, device=mel.device)
    masked = torch.where((band >= start) & (band < start + 8), mel.mean(), mel)
    return masked + 0.2 * torch.randn(one_a_sample, device=mel.device)
