"""Training of the lip-sync module: L_code against the target's lower half, L_sync from the frozen expert, and a pixel loss (ours) where it is
weighted. What the module does not answer for (`lip_sync.region`) is the target's own in all of them, as at inference.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.data.faces.regions import REGIONS, downsample_labels
from swaptalk_models.data.sound.mel import centred_windows
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.metrics.mouth import jitter, opening_correlation
from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.modules.audio_encoder import MEL_SILENCE
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.settings.models import LipSyncConfig
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.training.objective import Batch, Objective, Outcome, frozen
from swaptalk_models.training.objectives.sync import mask_mel
from swaptalk_models.training.samples import save_grid
from swaptalk_models.training.talk_samples import closed_windows, draw_talk, talking_clips

_MIDDLE = SYNC_FRAMES // 2


class LipSyncObjective(Objective):
    """Five consecutive frames a sample, so that the expert can look at what comes out."""

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
        lips = [downsample_labels(label, grid)[grid // 2 :] == REGIONS.index("lip") for label in data.labels]
        self.weight = np.where(lips, config.lip_weight, 1.0).astype(np.float32)
        self.clips = talking_clips(data, "lip_sync")
        self.closed = {clip.name: closed_windows(data.landmarks[clip.first : clip.first + clip.frames]) for clip in self.clips}

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        return self._samples(rng, size, self.clips, self.config.quiet)

    def _samples(self, rng: np.random.Generator, size: int, clips: list[Clip], quiet: float = 0.0) -> Batch:
        """Per sample: the upper halves of 5 frames, a reference frame of the same clip, mel windows, and the lower halves as labels."""
        drawn = draw_talk(self.data, clips, rng, size, self.closed, quiet)
        arrays = {
            "target_upper": self.upper[drawn.target],
            "label": self.lower[drawn.target],
            "reference_upper": self.upper[drawn.reference],
            "reference_lower": self.lower[drawn.reference],
        }
        batch = {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}
        batch["weight"] = torch.from_numpy(self.weight[drawn.target])
        if self.config.pixel_weight:
            batch["image"] = torch.from_numpy(to_unit(self.data.crops(drawn.target[:, _MIDDLE])))
        return batch | {"mel": torch.from_numpy(drawn.mel), "mel_expert": torch.from_numpy(drawn.mel_expert)}

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        silent = (batch["mel"] == MEL_SILENCE).all(-1, keepdim=True).all(-2, keepdim=True)
        # Silence is no voice that could be learned by heart: it is heard as it is at inference.
        heard = torch.where(silent, batch["mel"], mask_mel(batch["mel"]))
        made = self._predict(self.model, batch | {"mel": heard})
        code = (self._weight(batch).flatten(0, 1)[:, None] * (made - self._label(batch)).square()).mean()
        loss, parts = self.config.code_weight * code, {"code": code}
        if self.config.pixel_weight:
            pixel = self._pixel_loss(made, batch)
            loss, parts = loss + self.config.pixel_weight * pixel, parts | {"pixel": pixel}
        if self.config.sync_weight and progress >= self.config.sync_start:
            with self.expert.noisy():
                sync = self.expert.sync_loss(made.unflatten(0, (-1, SYNC_FRAMES)), batch["mel_expert"])
            loss, parts = loss + self.config.sync_weight * sync, parts | {"sync": sync}
        return loss, parts

    def _pixel_loss(self, made: Tensor, batch: Batch) -> Tensor:
        """Absolute error of the decoded lower half, weighted as L_code is, on the middle frame of the five: the others look much like it."""
        upper = self.vqgan.embed_half(batch["target_upper"][:, _MIDDLE], self.vqgan.upper)
        image = self.vqgan.decode(torch.cat([upper, made.unflatten(0, (-1, SYNC_FRAMES))[:, _MIDDLE]], dim=2))
        error = (image - batch["image"]).abs().mean(1).chunk(2, dim=1)[1]
        return (F.interpolate(self._weight(batch)[:, [_MIDDLE]], error.shape[1:])[:, 0] * error).mean()

    def _weight(self, batch: Batch) -> Tensor:
        """How much each cell counts, (N, 5, h / 2, h): nothing outside of the region that is made, 1 on average."""
        weight = batch["weight"] * self.model.region[0]
        return weight / weight.mean((2, 3), keepdim=True)

    def _predict(self, model: LipSync, batch: Batch) -> Tensor:
        """Predicted lower halves, (N * 5, D, h / 2, h), in their places in the target's."""
        return model.place(model(*self._seen(batch), batch["mel"].flatten(0, 1)), self._label(batch))

    def _seen(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Upper halves (N * 5, D, h / 2, h) and references (N * 5, D, h, h)."""
        upper = self.vqgan.embed_half(batch["target_upper"].flatten(0, 1), self.vqgan.upper)
        return upper, self.vqgan.embed(batch["reference_upper"], batch["reference_lower"]).repeat_interleave(SYNC_FRAMES, dim=0)

    def _label(self, batch: Batch) -> Tensor:
        return self.vqgan.embed_half(batch["label"].flatten(0, 1), self.vqgan.lower)

    def validate(self, model: nn.Module) -> dict[str, float]:
        figures = self._held_out(model, "validation")
        return {"code": figures["code"], "warped": figures["warped"], "sync": figures["sync"], "score": -figures["code"]}

    @torch.no_grad()
    def finish(self, model: nn.Module, folder: Path) -> Outcome:
        figures = self._held_out(model, "test")
        found: dict[str, list[float]] = defaultdict(list)
        clips = self.data.speaking("test")
        for number, clip in enumerate(clips):
            rows = clip.first + np.arange(clip.frames)
            landmarks, mel = self.data.landmarks[rows], self.data.mels[clip.name]
            truth, around, reference = mouth_opening(landmarks), np.median(landmarks, axis=0), reference_frame(landmarks)
            other = self.data.mels[clips[(number + 1) % len(clips)].name]
            made = {
                "own sound": self._render(model, clip, mel),
                "other sound": self._render(model, clip, other),
                "silence": self._render(model, clip, np.full_like(mel, MEL_SILENCE)),
                "warped": self._render(model, clip, None, reference),
            }
            opening = {name: _opening(crops, around) for name, crops in made.items()} | {"real": _opening(self.data.crops(rows), around)}
            for name, values in opening.items():
                found[f"correlation, {name}"].append(opening_correlation(values, truth))
                found[f"opening, {name}"].append(float(values.mean()))
                found[f"jitter, {name}"].append(jitter(values))
            if number == 0:
                shown = np.linspace(0, clip.frames - 1, 12).astype(int)
                save_grid([self.data.crops(rows[shown]), made["warped"][shown], made["own sound"][shown]], folder / "samples" / "lips.png")
        mean = {name: float(np.mean(values)) for name, values in found.items()}
        return Outcome(
            metrics={
                "mouth_correlation": mean["correlation, own sound"],
                "code_error": figures["code"],
                "silent_opening": mean["opening, silence"],
                "jitter": mean["jitter, own sound"],
            },
            baselines={
                "mouth_correlation": mean["correlation, warped"],
                "mouth_correlation_other_audio": mean["correlation, other sound"],
                "code_error": figures["copied"],
                "silent_opening_own_sound": mean["opening, own sound"],
                "silent_opening_real_mouths": mean["opening, real"],
                "jitter_real_mouths": mean["jitter, real"],
            },
        )

    def _held_out(self, model: LipSync, split: str) -> dict[str, float]:
        """Errors of prediction, of the warped and of the copied reference, and L_sync, on fixed samples."""
        clips = [clip for clip in self.data.speaking(split) if clip.frames > SYNC_FRAMES]
        device = next(model.parameters()).device
        batch = {name: tensor.to(device) for name, tensor in self._samples(np.random.default_rng(0), 64, clips).items()}
        with torch.no_grad():
            made, label = self._predict(model, batch), self._label(batch)
            upper, reference = self._seen(batch)
            warped, copied = (model.place(lower, label) for lower in (model.warp(upper, reference), reference.chunk(2, dim=2)[1]))
            sync = self.expert.sync_loss(made.unflatten(0, (-1, SYNC_FRAMES)), batch["mel_expert"])
        errors = {"code": made, "warped": warped, "copied": copied}
        return {name: float(F.mse_loss(value, label)) for name, value in errors.items()} | {"sync": float(sync)}

    @torch.no_grad()
    def _render(self, model: LipSync, clip: Clip, mel: np.ndarray | None, reference: int | None = None) -> np.ndarray:
        """Crops (T, S, S, 3) of a clip with its lips made from ``mel``; without one, the warped reference."""
        device = next(model.parameters()).device
        rows = clip.first + np.arange(clip.frames)
        landmarks = self.data.landmarks[rows]
        row = clip.first + (reference_frame(landmarks) if reference is None else reference)
        codes = {
            name: torch.from_numpy(array.astype(np.int64)).to(device)
            for name, array in {
                "upper": self.upper[rows], "lower": self.lower[rows], "r_upper": self.upper[[row]], "r_lower": self.lower[[row]]
            }.items()
        }
        upper = self.vqgan.embed_half(codes["upper"], self.vqgan.upper)
        one = self.vqgan.embed(codes["r_upper"], codes["r_lower"]).expand(clip.frames, -1, -1, -1)
        if mel is None:
            made = model.warp(upper, one)
        else:
            made = model.speak(upper, one, torch.from_numpy(centred_windows(mel, np.arange(clip.frames))).to(device))
        lower = model.place(made, self.vqgan.embed_half(codes["lower"], self.vqgan.lower))
        return from_unit(self.vqgan.decode(torch.cat([upper, lower], dim=2)).float().cpu().numpy())


def _opening(crops: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Mouth opening (T,) of aligned crops, by dlib's landmarks on the face where the alignment put it."""
    from swaptalk_models.metrics.crop_judges import crop_landmarks

    return mouth_opening(crop_landmarks(crops, around))
