"""What a lip-sync training draws: five consecutive frames, a reference of the same clip, and the sound that goes with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.sound.mel import centred_windows, mel_window
from swaptalk_models.errors import UserError
from swaptalk_models.modules.audio_encoder import MEL_SILENCE
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.training.voices import Voices


class TalkSamples(NamedTuple):
    """N samples; rows are those of ``TrainingData``."""

    target: np.ndarray
    """(N, 5) rows of the five frames."""
    reference: np.ndarray
    """(N,) rows of the references: never one of the five, which would hand over the answer."""
    mel: np.ndarray
    """(N, 5, 16, 80) mel window of each frame, as at inference."""
    mel_expert: np.ndarray
    """(N, 16, 80) mel window of the five frames together, as the expert was trained."""

    def pieces(self, size: int) -> Iterator[TalkSamples]:
        """At most ``size`` samples at a time."""
        for first in range(0, len(self.reference), size):
            yield TalkSamples(*(array[first : first + size] for array in self))


def talking_clips(data: TrainingData, module: str) -> list[Clip]:
    """Training clips with a usable sound that are long enough for five frames and a reference.

    Raises:
        UserError: there are none for ``module``.
    """
    clips = [clip for clip in data.speaking("train") if clip.frames > SYNC_FRAMES]
    if not clips:
        raise UserError(f"{module} needs training clips of more than {SYNC_FRAMES} frames")
    return clips


def closed_windows(landmarks: np.ndarray) -> np.ndarray:
    """First frames of the tenth of a clip's five-frame windows in which the mouth opens least, (N,), N >= 1, from landmarks (T, 68, 2)."""
    widest = sliding_window_view(mouth_opening(landmarks), SYNC_FRAMES).max(axis=1)
    return np.argsort(widest, kind="stable")[: -(-len(widest) // 10)]


def draw_talk(
    data: TrainingData,
    clips: list[Clip],
    rng: np.random.Generator,
    size: int,
    closed: Mapping[str, np.ndarray] | None = None,
    quiet: float = 0.0,
    voices: Voices | None = None,
) -> TalkSamples:
    """``size`` samples of ``clips``.

    Args:
        closed: clip -> its ``closed_windows``.
        quiet: share of samples that are such a window, heard as silence. The expert hears the sound that was there: it is in step.
        voices: how the clips are heard; None: as they are.
    """
    target, reference, mel, mel_expert = [], [], [], []
    for index in rng.integers(0, len(clips), size):
        clip = clips[index]
        start = int(rng.integers(0, clip.frames - SYNC_FRAMES + 1))
        silent = quiet > 0 and rng.random() < quiet
        if silent:
            assert closed is not None
            start = int(rng.choice(closed[clip.name]))
        frames = start + np.arange(SYNC_FRAMES)
        apart = int(rng.integers(SYNC_FRAMES, clip.frames))
        target.append(clip.first + frames)
        reference.append(clip.first + (start + apart) % clip.frames)
        sound = data.heard[clip.name] if voices is None else voices.of(clip.name, rng)
        heard = centred_windows(sound, frames)
        mel.append(np.full_like(heard, MEL_SILENCE) if silent else heard)
        mel_expert.append(mel_window(sound, start))
    return TalkSamples(np.stack(target), np.array(reference), np.stack(mel), np.stack(mel_expert))
