"""Sound as the networks hear it: reading any file as 16 kHz mono, in time with its picture, and writing wav files."""

from __future__ import annotations

import os
import warnings
import wave
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np

from swaptalk_models.data.media.mono import MonoMix
from swaptalk_models.data.media.sound_frames import PREROLL_S, Piece, Zero, sound_pieces
from swaptalk_models.data.store.atomic_write import atomic_write

JUMP_S = 0.02  # time stamps further off than this are holes or overlaps, not rounding


def read_audio(
    path: str | os.PathLike[str],
    rate: int = 16000,
    start_s: float = 0.0,
    stop_s: float | None = None,
    zero: Zero = "picture",
) -> np.ndarray:
    """Reads sound, mixed down to mono and resampled; of several tracks the default one.

    Time 0 is the first frame of the file's video where there is one (sound often starts a little earlier or later),
    else the first sample. Holes are silent. Where channels cancel each other out, the loudest is heard alone, and a
    warning says so.

    Args:
        zero: "first": time 0 is whatever comes first, so that no sound is lost.

    Returns:
        float32 (samples,) in [-1, 1]; ends at ``stop_s`` or where the sound ends, whichever is first.

    Raises:
        BadClip: no audio stream, or damaged.
    """
    path = Path(path)
    mix = MonoMix()
    audio = _read(path, mix, rate, start_s, stop_s, zero)
    if mix.cancelled:
        warnings.warn(
            f"{path}: its channels cancel each other out when they are mixed: only channel {mix.loudest + 1} is heard"
        )
        audio = _read(path, MonoMix(mix.loudest), rate, start_s, stop_s, zero)
    return audio


def _read(path: Path, mix: MonoMix, rate: int, start: float, stop: float | None, zero: Zero) -> np.ndarray:
    return _placed(_runs(sound_pieces(path, start, stop, zero), mix, rate, start, stop), rate)


def _runs(
    pieces: Iterator[Piece], mix: MonoMix, rate: int, start: float, stop: float | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Resampled pieces (first sample counted from ``start``, float32 samples); each run of gapless frames of one format
    has its own resampler.
    """
    resampler, expected, position, shape = None, 0.0, 0, None
    limit = None if stop is None else round((stop - start) * rate)
    for moment, given in chain(pieces, ((None, None),)):
        now = expected if moment is None else moment
        frame = None if given is None else mix.mono(given)
        kind = None if frame is None else (frame.format.name, frame.layout.name, frame.sample_rate)
        past = stop is not None and now > stop + PREROLL_S
        if resampler and (frame is None or past or kind != shape or abs(now - expected) > JUMP_S):
            yield from _cut(resampler.resample(None), position, limit)
            resampler = None
        if frame is None or past:
            return
        if resampler is None:
            # Whole numbers, because FFmpeg mixes them down with weights that add up to 1; with floats, stereo gets 3 dB
            # louder and clips.
            resampler, shape = av.AudioResampler(format="s32", layout="mono", rate=rate), kind
            position, expected = round((now - start) * rate), now
        expected += frame.samples / frame.sample_rate
        frame.pts = None  # the resampler would fill small differences of time stamps with silence
        for piece in _cut(resampler.resample(frame), position, limit):
            yield piece
            position += len(piece[1])


def _cut(frames: list[av.AudioFrame], position: int, limit: int | None) -> Iterator[tuple[int, np.ndarray]]:
    for frame in frames:
        samples = frame.to_ndarray().reshape(-1).astype(np.float32) / 2.0**31
        yield position, samples if limit is None else samples[: max(0, limit - position)]
        position += len(samples)


def _placed(runs: Iterator[tuple[int, np.ndarray]], rate: int) -> np.ndarray:
    """Puts the pieces where their time stamps say; what lies before the start is dropped, holes stay silent."""
    audio = np.zeros(10 * rate, np.float32)
    length = 0
    for position, piece in runs:
        if position < 0:
            piece, position = piece[-position:], 0
        end = position + len(piece)
        if not len(piece):
            continue
        if end > len(audio):
            audio = np.concatenate([audio, np.zeros(max(len(audio), end - len(audio)), np.float32)])
        audio[position:end] = piece
        length = max(length, end)
    audio = np.nan_to_num(audio[:length])  # a copy: what was too long goes
    return np.clip(audio, -1.0, 1.0, out=audio)


def write_wav(path: str | os.PathLike[str], audio: np.ndarray, rate: int = 16000) -> None:
    """Writes float audio (samples,) in [-1, 1] as a mono PCM16 wav file; the file appears whole."""
    assert audio.ndim == 1, f"mono audio is one-dimensional, got {audio.shape}"
    samples = np.round(np.clip(audio, -1.0, 1.0) * 32767.0).astype("<i2")
    with atomic_write(path) as aside, wave.open(str(aside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
