"""What a training holds on the host all the while: the process itself, and numbers and pictures of every frame."""

from __future__ import annotations

from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.data import COLUMN_BYTES, DECODED_BYTES, STORED_BYTES

PROCESS_BYTES = 640 << 20
"""Python with torch, OpenCV, Arrow and dlib's models (measured: 0.6 GiB on Linux)."""
_PNG_SHARE = 0.5
"""Of a crop's pixels, what its PNG takes (HDTF at 256 px: 0.47)."""
_LANDMARKS, _MEL = 68 * 2 * 4, 80 * 80 * 4 // 25


def corpus_frames(preset: Preset) -> int:
    """Frames that the promise for the host is made for: `budget.hours`, else the phantom corpus."""
    seconds = 3600 * preset.budget.hours or preset.phantom.people * preset.phantom.seconds
    return int(25 * seconds)


def column_bytes(preset: Preset) -> dict[str, int]:
    """Numbers of a frame, each of which is held or left on disk by itself (training/data.py)."""
    grid, labels = preset.grid, preset.face_crops.label_grid
    half = preset.vqgan.groups * grid * grid
    columns = {"upper codes": half, "lower codes": half, "mel": _MEL, "mel of the usual voice": _MEL}
    columns |= {"landmarks": _LANDMARKS, "labels": labels**2}
    return columns | ({"labels of the cells": grid**2} if grid != labels else {})


def held_bytes(preset: Preset, frames: int, processes: int = 1) -> int:
    """Of a corpus of so many frames, in each of the processes of a host: their numbers, and crops, as training/data.py holds them."""
    columns = [frames * size for size in column_bytes(preset).values()]
    held = sum(size for size in columns if size <= COLUMN_BYTES // processes)
    pixels = frames * preset.face_crops.size**2 * 3
    stored = int(_PNG_SHARE * pixels)
    if stored <= STORED_BYTES // processes:
        held += stored + (pixels if pixels <= DECODED_BYTES // processes else 0)
    return held
