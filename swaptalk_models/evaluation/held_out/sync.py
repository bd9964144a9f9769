"""The two sync networks on held-out people: windows in step told from windows out of step, and how far off their best offsets are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.evaluation.held_out.batches import pieces, step_samples
from swaptalk_models.modules.sync_net import SYNC_FRAMES, SyncNet
from swaptalk_models.training.curves import draw_offsets
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.sync import OUT_OF_STEP, SyncObjective

_REACH = 15  # frames each way of the accuracy-by-offset curve
_WINDOWS = 64  # through the network at a time, or as many as a step takes
_TOGETHER = 1500  # windows of a clip that are held against each other, a minute; of a longer clip, part by part


class SyncHeldOut:
    """Accuracy at even odds, in step against OUT_OF_STEP or more frames off."""

    def __init__(self, objective: SyncObjective) -> None:
        self.objective, self.data = objective, objective.data
        self.windows = min(_WINDOWS, step_samples(objective.train))

    def validate(self, model: SyncNet) -> dict[str, float]:
        counts = SyncCounts()
        for clip in self.data.speaking("validation"):
            for logits in self.logits(model, clip):
                counts.add(logits)
        return {"accuracy": counts.accuracy, "score": counts.accuracy}

    def finish(self, model: SyncNet, folder: Path) -> Outcome:
        counts, offsets, energy = SyncCounts(), [], []
        for clip in self.data.speaking("test"):
            of_clip = SyncCounts()
            for logits in self.logits(model, clip):
                counts.add(logits)
                of_clip.add(logits)
            offsets.append(of_clip.best_offset)
            energy.append(energy_accuracy(self.data, clip))
        draw_offsets(counts.by_offset, folder / "samples" / "accuracy_by_offset.png")
        return Outcome(
            metrics={"accuracy": counts.accuracy, "offset_error_frames": float(np.abs(offsets).mean())},
            baselines={"accuracy": float(np.mean(energy))},
            curves={"accuracy_by_offset": counts.by_offset},
        )

    @torch.no_grad()
    def logits(self, model: SyncNet, clip: Clip) -> Iterator[np.ndarray]:
        """(N, N) log-odds of each window of lips (row) with each window of sound (column), of each part of a clip."""
        device = next(model.parameters()).device
        for starts in _parts(clip):
            seen, heard = [], []
            for part in pieces(starts, self.windows):
                lips = self.objective.lips(clip.first + part[:, None] + np.arange(SYNC_FRAMES))
                batch = {name: torch.from_numpy(array).to(device) for name, array in lips.items()}
                seen.append(self.objective.video(model, batch))
                heard.append(model.audio(torch.from_numpy(mel_windows(self.objective.sound(clip), part)).to(device)))
            yield model.logits(torch.cat(seen), torch.cat(heard)).float().cpu().numpy()


class SyncCounts:
    """What log-odds (N, N) of lips (rows) with sounds (columns) of one clip each add up to."""

    def __init__(self) -> None:
        self.hits = self.in_step = self.rejected = self.out_of_step = 0
        self.called = np.zeros(2 * _REACH + 1, int)
        self.sums = np.zeros(2 * _REACH + 1)
        self.counts = np.zeros(2 * _REACH + 1, int)

    def add(self, logits: np.ndarray) -> None:
        """One clip's, or a part's of it."""
        n = len(logits)
        distance = np.abs(np.subtract.outer(np.arange(n, dtype=np.int32), np.arange(n, dtype=np.int32)))
        far = logits[distance >= OUT_OF_STEP]
        self.hits, self.in_step = self.hits + int((np.diag(logits) > 0).sum()), self.in_step + n
        self.rejected, self.out_of_step = self.rejected + int((far <= 0).sum()), self.out_of_step + len(far)
        for place, offset in enumerate(range(-_REACH, _REACH + 1)):
            if abs(offset) < n:
                values = np.diag(logits, offset)
                self.called[place] += int((values > 0).sum())
                self.sums[place] += float(values.sum())
                self.counts[place] += len(values)

    @property
    def accuracy(self) -> float:
        """Share of right answers, in step and out of step equally weighted."""
        return (
            float(0.5 * (self.hits / self.in_step + self.rejected / self.out_of_step))
            if self.out_of_step
            else float("nan")
        )

    @property
    def by_offset(self) -> list[float]:
        """Share of window pairs called in step, for offsets -15 to 15 (sound minus lips, frames)."""
        return [
            float(called / count) if count else float("nan")
            for called, count in zip(self.called, self.counts, strict=True)
        ]

    @property
    def best_offset(self) -> int:
        """Offset (frames) at which sound fits lips best."""
        means = np.where(self.counts > 0, self.sums / np.maximum(self.counts, 1), -np.inf)
        return int(np.argmax(means)) - _REACH


def energy_accuracy(data: TrainingData, clip: Clip) -> float:
    """The trivial baseline: a window is called in step where mouth opening and loudness correlate."""
    opening = mouth_opening(data.landmarks_of_clip(clip))
    counts = SyncCounts()

    def unit(x: np.ndarray) -> np.ndarray:
        x = x - x.mean(1, keepdims=True)
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)

    for starts in _parts(clip):
        lips = opening[starts[:, None] + np.arange(SYNC_FRAMES)]
        loudness = data.windows(clip, starts).mean(2)
        # 16 mel steps -> 5 frames
        sound = np.stack([part.mean(1) for part in np.array_split(loudness, SYNC_FRAMES, axis=1)], axis=1)
        counts.add(unit(lips) @ unit(sound).T)
    return counts.accuracy


def _parts(clip: Clip) -> list[np.ndarray]:
    """First frames of a clip's windows, in equal parts of at most _TOGETHER; none of a clip that is shorter than a window."""
    starts = np.arange(max(0, clip.frames - SYNC_FRAMES + 1))
    return np.array_split(starts, -(-len(starts) // _TOGETHER)) if len(starts) else []
