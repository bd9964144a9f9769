"""Sound: reading any file as 16 kHz mono, in time with its picture, and writing wav files."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np

from swaptalk_models.data.media.video import ATTACHED_PICTURE, open_media, tick_length
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import BadClip

PREROLL_S = 0.5  # decoded and thrown away after a seek: AAC and mp3 frames overlap with the ones before
JUMP_S = 0.02  # time stamps further off than this are holes or overlaps, not rounding


def read_audio(
    path: str | os.PathLike[str], rate: int = 16000, start_s: float = 0.0, stop_s: float | None = None
) -> np.ndarray:
    """Reads sound, mixed down to mono and resampled.

    Time 0 is the first frame of the file's video where there is one (sound often starts a little earlier or later),
    else the first sample. Holes are silent.

    Returns:
        float32 (samples,) in [-1, 1]; ends at ``stop_s`` or where the sound ends, whichever is first.

    Raises:
        BadClip: no audio stream, or damaged.
    """
    path = Path(path)
    with open_media(path) as container:
        if not container.streams.audio:
            raise BadClip(f"{path}: no audio stream")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise BadClip(f"{path}: no decoder for its audio stream")
        zero = _time_zero(container, stream)
        if start_s > PREROLL_S:
            container.seek(int((zero + start_s - PREROLL_S) / tick_length(stream)), stream=stream, backward=True)
        return _placed(_runs(container, stream, rate, zero + start_s, None if stop_s is None else zero + stop_s), rate)


def _time_zero(container: av.container.InputContainer, stream: av.AudioStream) -> float:
    pictures = [s for s in container.streams.video if not int(s.disposition) & ATTACHED_PICTURE]
    leader = pictures[0] if pictures else stream
    return float((leader.start_time or 0) * tick_length(leader))


def _runs(
    container: av.container.InputContainer, stream: av.AudioStream, rate: int, start: float, stop: float | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Resampled pieces (first sample counted from ``start``, float32 samples); each run of gapless frames has its own
    resampler.
    """
    resampler, expected, position = None, 0.0, 0
    limit = None if stop is None else round((stop - start) * rate)
    for frame in chain(container.decode(stream), (None,)):
        now = expected
        if frame is not None and frame.pts is not None:
            assert frame.time_base is not None
            now = float(frame.pts * frame.time_base)
        if frame is not None and now + frame.samples / frame.sample_rate <= start - PREROLL_S:
            continue
        past = stop is not None and now > stop + PREROLL_S
        if resampler and (frame is None or past or abs(now - expected) > JUMP_S):
            yield from _cut(resampler.resample(None), position, limit)
            resampler = None
        if frame is None or past:
            return
        if resampler is None:
            # Whole numbers, because FFmpeg mixes them down with weights that add up to 1; with floats, stereo gets 3 dB
            # louder and clips.
            resampler = av.AudioResampler(format="s32", layout="mono", rate=rate)
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
