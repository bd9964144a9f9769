"""What a generation is given. All that can be refused is refused here, before the long work."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.video import probe
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.data.media.voice import Voice, open_voice
from swaptalk_models.data.sound.mel import log_mel
from swaptalk_models.data.store.output_file import check_output, check_space
from swaptalk_models.errors import UserError
from swaptalk_models.inference.whose_face import chosen, faces_in_picture
from swaptalk_models.settings.data import FacesConfig

_RATE = 16000
_SAMPLES = _RATE // 25  # of sound, a frame
_BYTES_PER_PIXEL = 0.02  # of the output and its pieces, at least: seen are twice 0.02 to 0.1


@dataclass(frozen=True)
class Picture:
    """A still with the face that is taken from it."""

    image: np.ndarray
    """(H, W, 3) uint8 RGB."""
    landmarks: np.ndarray
    """(68, 2) in its pixels."""


@dataclass(frozen=True)
class Given:
    """Source, target and voice, looked at."""

    source: Picture | None
    """None keeps the target's own face."""
    target: Path
    info: VideoInfo
    """Of the target."""
    mel: np.ndarray
    """float32 (steps, 80), 80 a second: what the networks hear."""
    voice: Voice
    """What people hear."""
    count: int
    """Frames of the output."""


def read_given(
    source: Path | None, target: Path, audio: Path, output: Path, faces: FacesConfig, face: int | None = None
) -> Given:
    """Look at everything but the target's frames.

    Args:
        face: which of the source's faces, from 1; None: the largest and most central.

    Raises:
        UserError: a file that cannot be read, has no face or no sound, or an output that cannot be written; the message names it.
    """
    if output.suffix.lower() != ".mp4":
        raise UserError(f"{output}: the output is an mp4 file, so its name should end in .mp4")
    check_output(output, "output")
    sound = read_audio(audio, _RATE, zero="first")
    voice = open_voice(audio)
    count = math.ceil(len(sound) / _SAMPLES)
    if count < 1:
        raise UserError(f"{audio}: no sound in it")
    info = probe(target)
    check_space(output, int(count * info.width * info.height * _BYTES_PER_PIXEL))
    picture = read_picture(source, faces, face) if source is not None else None
    return Given(picture, target, info, log_mel(sound), voice, count)


def read_picture(path: Path, faces: FacesConfig, face: int | None = None) -> Picture:
    """A source picture and the face that is taken from it; a warning says which, where there are several.

    Raises:
        UserError: it cannot be read, or has no such face.
    """
    image, found = faces_in_picture(path, faces)
    place, said = chosen(len(found), face, path.name, "--source-face")
    if said:
        warnings.warn(said)
    return Picture(image, found[place].landmarks)
