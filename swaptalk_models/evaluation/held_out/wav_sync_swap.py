"""The end-to-end competitor on held-out people: errors on fixed samples; identity of swaps, and mouths of whole clips that wear another's face."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.sound.mel import centred_windows
from swaptalk_models.evaluation.held_out.batches import Mean, pieces, step_samples
from swaptalk_models.evaluation.held_out.picture_grid import save_grid
from swaptalk_models.evaluation.held_out.swapper import swap_pairs
from swaptalk_models.metrics.crop_judges import crop_identities, crop_openings
from swaptalk_models.metrics.id_retrieve import id_retrieve
from swaptalk_models.metrics.mouth import opening_correlation
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.modules.wav_sync_swap import WavSyncSwap, swap_and_speak_pixels
from swaptalk_models.training.data import Clip
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.wav_sync_swap import WavSyncSwapObjective
from swaptalk_models.training.swap_teacher import lit_source
from swaptalk_models.training.talk_samples import draw_talk

_SAMPLES = 16  # of five frames, behind each error
_LOOKS = 16  # faces of the gallery, shown to the judge at a time
_SHOWN = 12


class WavSyncSwapHeldOut:
    """L1 of speech and of swaps while it trains; dlib's identity and the mouths' opening in the end."""

    def __init__(self, objective: WavSyncSwapObjective) -> None:
        self.objective, self.data = objective, objective.data
        self.samples = step_samples(objective.config.train) if objective.config.train else 16

    @torch.no_grad()
    def validate(self, model: WavSyncSwap) -> dict[str, float]:
        objective, device = self.objective, next(model.parameters()).device
        proxy, likeness = Mean(), Mean()
        for index in pieces(objective.pairs.of["validation"], self.samples):
            batch = {name: tensor.to(device) for name, tensor in objective.read_pairs(index).items()}
            swapped = objective.swap(model, batch)
            proxy.add(float(F.l1_loss(swapped, batch["pair_made"])), len(index))
            likeness.add(objective.likeness(swapped, batch))
        pixel = self._pixel(model)
        found = {"pixel": pixel, "proxy": proxy.value, "source_identity": likeness.value}
        return found | {"score": likeness.value - proxy.value - pixel}

    def _pixel(self, model: WavSyncSwap) -> float:
        """L1 of the lower halves of people who wear their own faces."""
        objective, device = self.objective, next(model.parameters()).device
        clips = [clip for clip in self.data.speaking("validation") if clip.frames > SYNC_FRAMES]
        error = Mean()
        for drawn in draw_talk(self.data, clips, np.random.default_rng(0), _SAMPLES).pieces(self.samples):
            batch = {name: tensor.to(device) for name, tensor in objective.read_talk(drawn).items()}
            made, target = objective.speak(model, batch), batch["target"].flatten(0, 1)
            lower, truth = made.chunk(2, dim=2)[1], target.chunk(2, dim=2)[1]
            error.add(float(F.l1_loss(lower, truth)), len(batch["mel"]))
        return error.value

    @torch.no_grad()
    def finish(self, model: WavSyncSwap, folder: Path) -> Outcome:
        clips, faces = self.data.speaking("test"), self.data.of("test")
        identity, untouched = self._identities(model, faces)
        found: dict[str, list[float]] = defaultdict(list)
        for number, clip in enumerate(clips):
            other = self.data.heard[clips[(number + 1) % len(clips)].name]
            for name, value in self._mouths(model, clip, _other_person(clip, faces), other).items():
                found[name].append(value)
        self._draw(model, clips[0], _other_person(clips[0], faces), folder / "samples" / "wav_sync_swap.png")
        mean = {name: float(np.mean(values)) for name, values in found.items()}
        return Outcome(
            metrics=identity | {"mouth_correlation": mean["own sound"]},
            baselines=untouched | {"mouth_correlation": mean["other sound"]},
        )

    def _identities(self, model: WavSyncSwap, clips: list[Clip]) -> tuple[dict[str, float], dict[str, float]]:
        """Identity of swaps of one frame each, and of the targets as they were, dlib judge."""
        pairs = [pair for pair in zip(*swap_pairs(clips), strict=True) if clips[pair[1]].sound]
        sources, targets = ([clips[pair[side]] for pair in pairs] for side in (0, 1))
        frames = (np.random.default_rng(0).random(len(pairs)) * [clip.frames for clip in targets]).astype(int)
        made = [
            self.render(model, target, np.array([frame]), source, self.data.heard[target.name])[0]
            for source, target, frame in zip(sources, targets, frames, strict=True)
        ]
        rows = np.array([clip.first for clip in targets]) + frames
        first_of = {clip.person: clip for clip in reversed(clips)}
        people = sorted(first_of)
        gallery_rows = np.array([_middle(first_of[person]) for person in people])
        looks = [
            crop_identities(self.data.crops(some), self.data.landmarks[some]) for some in pieces(gallery_rows, _LOOKS)
        ]
        gallery = np.concatenate(looks)
        right = np.array([people.index(clip.person) for clip in sources])

        def figures(crops: np.ndarray) -> dict[str, float]:
            found = crop_identities(crops, self.data.landmarks[rows])
            return {
                "source_similarity": float((found * gallery[right]).sum(1).mean()),
                "id_retrieve": id_retrieve(found, gallery, right),
            }

        return figures(np.stack(made)), figures(self.data.crops(rows))

    def _mouths(self, model: WavSyncSwap, clip: Clip, source: Clip, other_mel: np.ndarray) -> dict[str, float]:
        """Correlation of a clip's mouth with the true opening: it wears the source's face and hears its own sound, or another."""
        landmarks = self.data.landmarks_of_clip(clip)
        found = {}
        for name, mel in (("own sound", self.data.heard[clip.name]), ("other sound", other_mel)):
            parts = [
                crop_openings(self.render(model, clip, frames, source, mel))
                for frames in pieces(np.arange(clip.frames), SYNC_FRAMES * self.samples)
            ]
            found[name] = opening_correlation(np.concatenate(parts), mouth_opening(landmarks))
        return found

    def render(self, model: WavSyncSwap, clip: Clip, frames: np.ndarray, source: Clip, mel: np.ndarray) -> np.ndarray:
        """Crops (N, S, S, 3) uint8 of some frames (N,) of a clip with another clip's face and the lips of a whole clip's ``mel`` (T_mel, 80)."""
        crops, windows = self.data.crops(clip.first + frames), centred_windows(mel, frames)
        lit = lit_source(self.data, _middle(source), _middle(clip))
        return swap_and_speak_pixels(model, self.objective.identity, crops, lit, windows)

    def _draw(self, model: WavSyncSwap, clip: Clip, source: Clip, path: Path) -> None:
        """Real faces, the same with the source's face, and the source."""
        shown = np.linspace(0, clip.frames - 1, _SHOWN).astype(int)
        made = self.render(model, clip, shown, source, self.data.heard[clip.name])
        theirs = self.data.crops(np.repeat(_middle(source), _SHOWN))
        save_grid([self.data.crops(clip.first + shown), made, theirs], path)


def _other_person(clip: Clip, clips: list[Clip]) -> Clip:
    """The next clip of somebody else; the same where there is nobody."""
    place = next(number for number, other in enumerate(clips) if other.name == clip.name)
    turned = [*clips[place:], *clips[:place]]
    return next((other for other in turned if other.person != clip.person), clip)


def _middle(clip: Clip) -> int:
    return clip.first + clip.frames // 2
