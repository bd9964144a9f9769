"""Training of the end-to-end competitor: on the swap teacher's pairs it learns to swap, on windows of one person to speak.

A sample is both: five consecutive frames with another frame of the same clip as the source, whose label is the frames themselves (L1 and L_sync), and
a pair of the teacher's, whose label is the teacher's swap (the L1 is L_proxy in pixels) and whose identity is held to the source's (L_id_src).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from swaptalk_models.data.sound.mel import centred_windows
from swaptalk_models.modules.arcface import ArcFace
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.wav_sync_swap import WavSyncSwap
from swaptalk_models.settings.models import WavSyncSwapConfig
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.inputs import TrainingInputs
from swaptalk_models.training.objective import Batch, Objective, frozen
from swaptalk_models.training.objectives.sync import mask_mel
from swaptalk_models.training.talk_pictures import (
    hear_like,
    lip_weights,
    sync_of_pictures,
    talk_pictures,
    weighted_l1,
)
from swaptalk_models.training.talk_samples import TalkSamples, draw_talk, talking_clips
from swaptalk_models.training.teacher_pairs import TeacherPairs


class WavSyncSwapObjective(Objective):
    """Swaps and speech, half and half, through one network."""

    model: WavSyncSwap

    def __init__(
        self,
        config: WavSyncSwapConfig,
        data: TrainingData,
        vqgan: VQGAN,
        grid: int,
        expert: LipExpert,
        identity: IdentityEncoder | ArcFace,
        teacher: Path,
    ) -> None:
        self.config, self.data = config, data
        self.model = WavSyncSwap(config, identity.config.dim)
        hear_like(self.model, expert, config.audio_dim)
        self.vqgan, self.expert, self.identity = frozen(vqgan), frozen(expert), frozen(identity)
        self.clips = talking_clips(data, "wav_sync_swap")
        self.pairs = TeacherPairs(teacher, data, "wav_sync_swap", heard=True)
        # The source in the target's light, as the teacher's table has it: it need not be lit again at every step.
        self.lit = {half: self.pairs.codes(f"source_{half}", grid) for half in ("upper", "lower")}

    @classmethod
    def build(cls, inputs: TrainingInputs) -> WavSyncSwapObjective:
        vqgan, _, grid = inputs.latents
        expert = inputs.network("lip_expert", LipExpert)
        return cls(inputs.config, inputs.data, vqgan, grid, expert, inputs.identity, inputs.folders["swap_teacher"])

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        talk = self.read_talk(draw_talk(self.data, self.clips, rng, size))
        return talk | self.read_pairs(rng.choice(self.pairs.of["train"], size))

    def read_talk(self, drawn: TalkSamples) -> Batch:
        """Per sample: 5 frames, their lips' weights, another frame of the same clip, and mel windows."""
        return talk_pictures(self.data, drawn, self.config.lip_weight)

    def read_pairs(self, index: np.ndarray) -> Batch:
        """Pairs (N,) of the teacher's table: target, its sound and its lips' weights, the source as it is and as codes of it in the target's light,
        the teacher's swap.
        """
        rows = self.pairs.rows["target"][index]
        clips = [self.pairs.target_clips[int(number)] for number in index]
        frames = [np.array([row - clip.first]) for row, clip in zip(rows, clips, strict=True)]
        mel = [centred_windows(self.data.heard[clip.name], frame)[0] for clip, frame in zip(clips, frames, strict=True)]
        arrays = {
            "pair_target": to_unit(self.data.crops(rows)),
            "pair_weight": lip_weights(self.data, rows, self.config.lip_weight),
            "pair_source": to_unit(self.data.crops(self.pairs.rows["source"][index])),
            "pair_made": to_unit(self.pairs.swaps(index)),
            "pair_mel": np.stack(mel),
        } | {f"pair_{half}": codes[index].astype(np.int64) for half, codes in self.lit.items()}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        heard = batch | {name: mask_mel(batch[name]) for name in ("mel", "pair_mel")}
        spoken, swapped = self.speak(self.model, heard), self.swap(self.model, heard)
        pixel = weighted_l1(spoken, batch["target"].flatten(0, 1), batch["weight"].flatten(0, 1))
        proxy = weighted_l1(swapped, batch["pair_made"], batch["pair_weight"])
        loss, parts = pixel + config.proxy_weight * proxy, {"pixel": pixel, "proxy": proxy}
        if config.source_identity_weight:
            identity = 1 - self.likeness(swapped, batch).mean()
            loss, parts = loss + config.source_identity_weight * identity, parts | {"id_src": identity}
        if config.sync_weight and progress >= config.sync_start:
            with self.expert.noisy():
                sync = sync_of_pictures(self.vqgan, self.expert, spoken, batch["mel_expert"])
            loss, parts = loss + config.sync_weight * sync, parts | {"sync": sync}
        return loss, parts

    def speak(self, model: WavSyncSwap, batch: Batch) -> Tensor:
        """The five frames of each sample with their own person's face, (N * 5, 3, S, S)."""
        source = batch["reference"]
        with torch.no_grad():
            identity = self.identity(source)
        sources, identities = (value.repeat_interleave(SYNC_FRAMES, dim=0) for value in (source, identity))
        return model(batch["target"].flatten(0, 1), sources, identities, batch["mel"].flatten(0, 1))

    def swap(self, model: WavSyncSwap, batch: Batch) -> Tensor:
        """The pairs, swapped and speaking, (N, 3, S, S)."""
        with torch.no_grad():
            source = self.vqgan.decode(self.vqgan.embed(batch["pair_upper"], batch["pair_lower"]))
            identity = self.identity(source)
        return model(batch["pair_target"], source, identity, batch["pair_mel"])

    def likeness(self, swapped: Tensor, batch: Batch) -> Tensor:
        """(N,) cosine of swapped faces to their sources, as the identity loss sees them."""
        with torch.no_grad():
            of_source = self.identity(batch["pair_source"])
        return (self.identity(swapped) * of_source).sum(-1)
