"""Sound as it was given: its own rate and channels, for what people listen to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np

from swaptalk_models.data.media.sound_arrays import FrameArrays
from swaptalk_models.data.media.sound_frames import Piece, Zero, sound_pieces
from swaptalk_models.errors import BadClip

RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
"""Sample rates that AAC knows (Hz)."""
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
"""Layouts that every player knows, by their number of channels."""
_JUMP_S = 0.02
"""Time stamps further off than this are holes or overlaps, not rounding."""
_SILENCE = 1 << 16
"""Samples of silence that are made at a time."""


@dataclass(frozen=True)
class Voice:
    """A sound that can be gone through again and again; it is never held whole."""

    rate: int
    """Hz."""
    layout: str
    """mono, stereo, 5.1 or 7.1."""
    pieces: Iterable[np.ndarray]
    """float32 (channels, samples) in [-1, 1], one behind the other from time 0 on, without holes."""

    @property
    def channels(self) -> int:
        return av.AudioLayout(self.layout).nb_channels


def mono_voice(audio: np.ndarray, rate: int) -> Voice:
    """A voice of float (samples,) in [-1, 1]."""
    clipped = np.clip(np.asarray(audio, np.float32), -1.0, 1.0)
    return Voice(rate, "mono", [clipped[None, i : i + rate] for i in range(0, len(clipped), rate)])


def open_voice(path: str | os.PathLike[str], zero: Zero = "first") -> Voice:
    """The default track of a file as it was given, rate and channels as at its start, or the nearest that AAC knows.

    Raises:
        BadClip: no sound, or damaged.
    """
    path = Path(path)
    first = next(sound_pieces(path, zero=zero), None)
    if first is None:
        raise BadClip(f"{path}: no sound in it")
    given = first.frame.sample_rate
    rate = given if given in RATES else min((rate for rate in RATES if rate >= given), default=48000)
    layout = LAYOUTS.get(first.frame.layout.nb_channels, "stereo")
    return Voice(rate, layout, _Pieces(path, rate, layout, zero))


@dataclass(frozen=True)
class _Pieces:
    path: Path
    rate: int
    layout: str
    zero: Zero

    def __iter__(self) -> Iterator[np.ndarray]:
        channels = av.AudioLayout(self.layout).nb_channels
        written = 0
        for position, samples in _placed(sound_pieces(self.path, zero=self.zero), self.rate, self.layout):
            while written < position:
                silent = min(position - written, _SILENCE)
                yield np.zeros((channels, silent), np.float32)
                written += silent
            fresh = samples[:, written - position :]  # what overlaps has been heard
            if fresh.shape[1]:
                yield np.clip(np.nan_to_num(fresh), -1.0, 1.0)
                written += fresh.shape[1]


def _placed(pieces: Iterator[Piece], rate: int, layout: str) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the first sample, samples); each run of gapless pieces of one format has its own resampler."""
    resampler: av.AudioResampler | None = None
    expected, position, kind, arrays = 0.0, 0, None, FrameArrays()
    for moment, frame in chain(pieces, ((None, None),)):
        now = expected if moment is None else moment
        shape = None if frame is None else (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler and (shape != kind or abs(now - expected) > _JUMP_S):
            for done in resampler.resample(None):
                yield position, arrays.of(done)
                position += done.samples
            resampler = None
        if frame is None:
            return
        if resampler is None:
            resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)
            position, expected, kind = round(now * rate), now, shape
        expected += frame.samples / frame.sample_rate
        frame.pts = None
        for done in resampler.resample(frame):
            yield position, arrays.of(done)
            position += done.samples
