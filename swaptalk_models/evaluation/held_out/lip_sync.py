"""The lip-sync module on held-out people: errors in latent space, and mouths of whole clips, spoken with their own sound, another, and none."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.data.sound.mel import centred_windows
from swaptalk_models.evaluation.held_out.batches import Mean, pieces, step_samples
from swaptalk_models.evaluation.held_out.picture_grid import save_grid
from swaptalk_models.metrics.crop_judges import crop_openings
from swaptalk_models.metrics.mouth import jitter, opening_correlation
from swaptalk_models.modules.audio_encoder import MEL_SILENCE
from swaptalk_models.modules.images import from_unit
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.training.data import Clip
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.lip_sync import LipSyncObjective
from swaptalk_models.training.talk_samples import draw_talk

_SAMPLES = 64  # of five frames, behind each error
_SHOWN = 12


class LipSyncHeldOut:
    """Code errors on fixed samples; mouths of the test clips."""

    def __init__(self, objective: LipSyncObjective) -> None:
        self.objective, self.data, self.vqgan = objective, objective.data, objective.vqgan
        self.samples = step_samples(objective.config.train)

    def validate(self, model: LipSync) -> dict[str, float]:
        figures = self.errors(model, "validation")
        return {
            "code": figures["code"],
            "warped": figures["warped"],
            "sync": figures["sync"],
            "score": -figures["code"],
        }

    @torch.no_grad()
    def finish(self, model: LipSync, folder: Path) -> Outcome:
        figures = self.errors(model, "test")
        found: dict[str, list[float]] = defaultdict(list)
        clips = self.data.speaking("test")
        for number, clip in enumerate(clips):
            other = self.data.heard[clips[(number + 1) % len(clips)].name]
            for name, value in self._mouths(model, clip, other).items():
                found[name].append(value)
        self._draw(model, clips[0], folder / "samples" / "lips.png")
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

    def _mouths(self, model: LipSync, clip: Clip, other_mel: np.ndarray) -> dict[str, float]:
        """Correlation with the true opening, mean opening and jitter of a clip's mouth, made from several sounds."""
        landmarks = self.data.landmarks_of_clip(clip)
        truth, around, reference = mouth_opening(landmarks), np.median(landmarks, axis=0), reference_frame(landmarks)
        mel = self.data.heard[clip.name]
        silence = np.full((1, mel.shape[1]), MEL_SILENCE, mel.dtype)  # ends are repeated: as long as anyone likes
        sounds = {"own sound": mel, "other sound": other_mel, "silence": silence, "warped": None}
        opening: dict[str, list[np.ndarray]] = {name: [] for name in (*sounds, "real")}
        for frames in pieces(np.arange(clip.frames), SYNC_FRAMES * self.samples):
            for name, heard in sounds.items():
                crops = self.render(model, clip, heard, frames, reference)
                opening[name].append(crop_openings(crops, around))
            opening["real"].append(crop_openings(self.data.crops(clip.first + frames), around))
        found = {}
        for name, parts in opening.items():
            values = np.concatenate(parts)
            found[f"correlation, {name}"] = opening_correlation(values, truth)
            found[f"opening, {name}"] = float(values.mean())
            found[f"jitter, {name}"] = jitter(values)
        return found

    def _draw(self, model: LipSync, clip: Clip, path: Path) -> None:
        """Real faces, the warped reference, and what was made of it, below each other."""
        shown = np.linspace(0, clip.frames - 1, _SHOWN).astype(int)
        reference = reference_frame(self.data.landmarks_of_clip(clip))
        made = [self.render(model, clip, mel, shown, reference) for mel in (None, self.data.heard[clip.name])]
        save_grid([self.data.crops(clip.first + shown), *made], path)

    @torch.no_grad()
    def errors(self, model: LipSync, split: str) -> dict[str, float]:
        """Errors of prediction, of the warped and of the copied reference, and L_sync, on fixed samples."""
        objective = self.objective
        clips = [clip for clip in self.data.speaking(split) if clip.frames > SYNC_FRAMES]
        device = next(model.parameters()).device
        means = {name: Mean() for name in ("code", "warped", "copied", "sync")}
        for drawn in draw_talk(self.data, clips, np.random.default_rng(0), _SAMPLES).pieces(self.samples):
            batch = {name: tensor.to(device) for name, tensor in objective.read(drawn).items()}
            made, label = objective.predict(model, batch), objective.label(batch)
            upper, reference = objective.seen(batch)
            warped, copied = (
                model.place(lower, label) for lower in (model.warp(upper, reference), reference.chunk(2, dim=2)[1])
            )
            count = len(batch["mel"])
            for name, value in {"code": made, "warped": warped, "copied": copied}.items():
                means[name].add(float(F.mse_loss(value, label)), count)
            windows = torch.unflatten(made, 0, (-1, SYNC_FRAMES))
            means["sync"].add(float(objective.expert.sync_loss(windows, batch["mel_expert"])), count)
        return {name: mean.value for name, mean in means.items()}

    @torch.no_grad()
    def render(
        self, model: LipSync, clip: Clip, mel: np.ndarray | None, frames: np.ndarray, reference: int
    ) -> np.ndarray:
        """Crops (N, S, S, 3) uint8 of some frames (N,) of a clip, with lips made from a whole clip's ``mel`` (T_mel, 80); without one, the
        lips of frame ``reference``, moved into the frames' poses.
        """
        objective, device = self.objective, next(model.parameters()).device
        rows, row = clip.first + frames, [clip.first + reference]
        arrays = {"upper": objective.upper[rows], "lower": objective.lower[rows]}
        arrays |= {"r_upper": objective.upper[row], "r_lower": objective.lower[row]}
        codes = {name: torch.from_numpy(array.astype(np.int64)).to(device) for name, array in arrays.items()}
        upper = self.vqgan.embed_half(codes["upper"], self.vqgan.upper)
        one = self.vqgan.embed(codes["r_upper"], codes["r_lower"]).expand(len(frames), -1, -1, -1)
        if mel is None:
            made = model.warp(upper, one)
        else:
            made = model.speak(upper, one, torch.from_numpy(centred_windows(mel, frames)).to(device))
        lower = model.place(made, self.vqgan.embed_half(codes["lower"], self.vqgan.lower))
        return from_unit(self.vqgan.decode(torch.cat([upper, lower], dim=2)).float().cpu().numpy())
