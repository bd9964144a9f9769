"""The videos of a study: all written anew by one encoder, so that neither size nor codec nor metadata tells whose they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.media.video_writer import VideoWriter

_HEIGHT = 320  # px, at most
_CRF = 26
_FPS, _RATE = 25, 16000
_MOSAIC = 9  # blocks down a broken picture: nobody takes it for a person


def shown_video(video: Path, audio: Path, output: Path, seconds: float, broken: bool = False) -> Path:
    """Write ``output``: at most ``seconds`` of the picture with the sound of ``audio``; one that is there is left as it is.

    Args:
        broken: for an attention check: the first picture, in large blocks, stands still.

    Raises:
        UserError: a file cannot be read.
    """
    if output.is_file():
        return output
    output.parent.mkdir(parents=True, exist_ok=True)
    sound = read_audio(audio, _RATE)[: round(seconds * _RATE)]
    count = min(round(seconds * _FPS), max(1, round(len(sound) / _RATE * _FPS)))
    frames = itertools.islice(_frames(video), count)
    first = next(frames)
    scale = min(1.0, _HEIGHT / first.shape[0])
    size = max(2, round(first.shape[1] * scale)), max(2, round(first.shape[0] * scale))
    with VideoWriter(output, *size, _FPS, sound, _RATE, crf=_CRF) as writer:
        for frame in itertools.repeat(_blocks(first), count) if broken else itertools.chain([first], frames):
            writer.write(frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    return output


def first_frame(video: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    return next(_frames(video))


def _frames(video: Path) -> Iterator[np.ndarray]:
    for batch in frames_at_25(video):
        yield from batch


def _blocks(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    few = cv2.resize(frame, (max(1, _MOSAIC * width // height), _MOSAIC), interpolation=cv2.INTER_AREA)
    return cv2.resize(few, (width, height), interpolation=cv2.INTER_NEAREST)
