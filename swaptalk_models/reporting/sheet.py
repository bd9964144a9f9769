"""One picture of what every method made of a scene: for the UI, and for whoever has no browser at hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import probe, read_frames, read_image
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.evaluation.files import sheet_name
from swaptalk_models.evaluation.measure.scene_videos import SceneVideo

_FRAMES, _SIDE = 5, 96  # a method, px


def method_sheet(videos: Sequence[SceneVideo], setting: str) -> np.ndarray:
    """Rows of frames (H, W, 3) uint8, one a method, of the setting's first scene; the names are written on them. Drawn once,
    and kept beside the videos.

    Args:
        videos: one of this setting at least.
    """
    path = Path(videos[0]["gallery"]).parent / sheet_name(setting)
    if not path.is_file():
        scene = next(video["scene"] for video in videos if video["setting"] == setting)
        rows = [_row(Path(video["path"]), video["method"]) for video in videos if video["scene"] == scene]
        with atomic_write(path) as aside:
            aside.write_bytes(encode_png(np.concatenate(rows)))
    return read_image(path)


def _row(path: Path, name: str) -> np.ndarray:
    step = max(1, probe(path).frames // _FRAMES)
    frames = list(islice(chain.from_iterable(read_frames(path)), step // 2, None, step))[:_FRAMES]
    frames += frames[-1:] * (_FRAMES - len(frames))
    row = np.concatenate([_square(frame) for frame in frames], axis=1)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(row, name, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, width, cv2.LINE_AA)
    return row


def _square(frame: np.ndarray) -> np.ndarray:
    """The middle of a frame."""
    side = min(frame.shape[:2])
    top, left = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
    square = np.ascontiguousarray(frame[top : top + side, left : left + side])
    return cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
