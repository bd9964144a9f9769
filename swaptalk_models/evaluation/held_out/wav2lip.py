"""The Wav2Lip baseline on held-out people: error in pixels, and mouths of whole clips."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.data.sound.mel import centred_windows
from swaptalk_models.evaluation.held_out.batches import Mean, pieces
from swaptalk_models.evaluation.held_out.picture_grid import save_grid
from swaptalk_models.metrics.crop_judges import crop_openings
from swaptalk_models.metrics.mouth import opening_correlation
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.wav2lip import Wav2Lip, speak_pixels
from swaptalk_models.training.data import Clip
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.wav2lip import Wav2LipObjective
from swaptalk_models.training.talk_samples import draw_talk

_SAMPLES = 16  # of five frames, behind each error
_SHOWN = 12


class Wav2LipHeldOut:
    """L1 on fixed samples; mouths of the test clips."""

    def __init__(self, objective: Wav2LipObjective) -> None:
        self.objective, self.data = objective, objective.data
        self.samples = objective.samples

    def validate(self, model: Wav2Lip) -> dict[str, float]:
        figures = self.errors(model, "validation")
        return {name: figures[name] for name in ("pixel", "weighted", "sync")} | {"score": -figures["weighted"]}

    def finish(self, model: Wav2Lip, folder: Path) -> Outcome:
        figures = self.errors(model, "test")
        clips = self.data.speaking("test")
        found: dict[str, list[float]] = defaultdict(list)
        for number, clip in enumerate(clips):
            other = self.data.heard[clips[(number + 1) % len(clips)].name]
            for name, value in self._mouths(model, clip, other).items():
                found[name].append(value)
        self._draw(model, clips[0], folder / "samples" / "wav2lip.png")
        mean = {name: float(np.mean(values)) for name, values in found.items()}
        return Outcome(
            metrics={"mouth_correlation": mean["own sound"], "pixel_error": figures["pixel"]},
            baselines={"mouth_correlation": mean["other sound"], "pixel_error": figures["copied"]},
        )

    def _mouths(self, model: Wav2Lip, clip: Clip, other_mel: np.ndarray) -> dict[str, float]:
        """Correlation of a clip's mouth with the true opening, made from its own sound and from another."""
        landmarks = self.data.landmarks_of_clip(clip)
        reference, found = reference_frame(landmarks), {}
        for name, mel in (("own sound", self.data.heard[clip.name]), ("other sound", other_mel)):
            parts = [
                crop_openings(self.render(model, clip, frames, reference, mel))
                for frames in pieces(np.arange(clip.frames), SYNC_FRAMES * self.samples)
            ]
            found[name] = opening_correlation(np.concatenate(parts), mouth_opening(landmarks))
        return found

    @torch.no_grad()
    def errors(self, model: Wav2Lip, split: str) -> dict[str, float]:
        """L1 of the lower half, of prediction ("pixel") and of the copied reference; the L1 that is trained on ("weighted"); and L_sync, on fixed
        samples.
        """
        objective = self.objective
        clips = [clip for clip in self.data.speaking(split) if clip.frames > SYNC_FRAMES]
        device = next(model.parameters()).device
        means = {name: Mean() for name in ("pixel", "copied", "weighted", "sync")}
        for drawn in draw_talk(self.data, clips, np.random.default_rng(0), _SAMPLES).pieces(self.samples):
            batch = {name: tensor.to(device) for name, tensor in objective.read(drawn).items()}
            made, target = objective.predict(model, batch), batch["target"].flatten(0, 1)
            lower, truth = made.chunk(2, dim=2)[1], target.chunk(2, dim=2)[1]
            copied = batch["reference"].repeat_interleave(SYNC_FRAMES, dim=0).chunk(2, dim=2)[1]
            count = len(batch["mel"])
            means["pixel"].add(float(F.l1_loss(lower, truth)), count)
            means["copied"].add(float(F.l1_loss(copied, truth)), count)
            means["weighted"].add(float(objective.pixel(made, batch)), count)
            means["sync"].add(float(objective.sync(made, batch)), count)
        return {name: mean.value for name, mean in means.items()}

    def _draw(self, model: Wav2Lip, clip: Clip, path: Path) -> None:
        """Real faces, and what was made of them, below each other."""
        shown = np.linspace(0, clip.frames - 1, _SHOWN).astype(int)
        reference = reference_frame(self.data.landmarks_of_clip(clip))
        made = self.render(model, clip, shown, reference, self.data.heard[clip.name])
        save_grid([self.data.crops(clip.first + shown), made], path)

    def render(self, model: Wav2Lip, clip: Clip, frames: np.ndarray, reference: int, mel: np.ndarray) -> np.ndarray:
        """Crops (N, S, S, 3) uint8 of some frames (N,) of a clip with the lips of a whole clip's ``mel`` (T_mel, 80), all from the frame
        ``reference``: a frame's own lips are not seen, as in ours.
        """
        looks = self.data.crops(np.array([clip.first + reference]))
        return speak_pixels(model, self.data.crops(clip.first + frames), looks, centred_windows(mel, frames))
