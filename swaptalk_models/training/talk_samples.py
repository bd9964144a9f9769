"""What a lip-sync training draws: five consecutive frames, a reference of the same clip, and the sound that goes with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from swaptalk_models.errors import UserError
from swaptalk_models.inference.windows import centred_windows
from swaptalk_models.modules.sync_net import SYNC_FRAMES
from swaptalk_models.training.data import Clip, TrainingData


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


def talking_clips(data: TrainingData, module: str) -> list[Clip]:
    """Training clips with a usable sound that are long enough for five frames and a reference.

    Raises:
        UserError: there are none for ``module``.
    """
    clips = [clip for clip in data.speaking("train") if clip.frames > SYNC_FRAMES]
    if not clips:
        raise UserError(f"{module} needs training clips of more than {SYNC_FRAMES} frames")
    return clips


def draw_talk(data: TrainingData, clips: list[Clip], rng: np.random.Generator, size: int) -> TalkSamples:
    """``size`` samples of ``clips``."""
    target, reference, mel, mel_expert = [], [], [], []
    for index in rng.integers(0, len(clips), size):
        clip = clips[index]
        start = int(rng.integers(0, clip.frames - SYNC_FRAMES + 1))
        frames = start + np.arange(SYNC_FRAMES)
        apart = int(rng.integers(SYNC_FRAMES, clip.frames))
        target.append(clip.first + frames)
        reference.append(clip.first + (start + apart) % clip.frames)
        mel.append(centred_windows(data.mels[clip.name], frames))
        mel_expert.append(data.windows(clip, np.array([start]))[0])
    return TalkSamples(np.stack(target), np.array(reference), np.stack(mel), np.stack(mel_expert))
