"""What a training holds on the host all the while: the process itself, and numbers and pictures of every frame."""

from __future__ import annotations

from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.data import DECODED_BYTES, STORED_BYTES

PROCESS_BYTES = 640 << 20
"""Python with torch, OpenCV, Arrow and dlib's models (measured: 0.6 GiB on Linux)."""
_PNG_SHARE = 0.5
"""Of a crop's pixels, what its PNG takes (HDTF at 256 px: 0.47)."""
_LANDMARKS, _MEL = 68 * 2 * 4, 80 * 80 * 4 // 25


def corpus_frames(preset: Preset) -> int:
    """Frames that the promise for the host is made for: `budget.hours`, else the phantom corpus."""
    seconds = 3600 * preset.budget.hours or preset.phantom.people * preset.phantom.seconds
    return int(25 * seconds)


def frame_bytes(preset: Preset) -> int:
    """Numbers of a frame: codes of both halves, sound, landmarks, labels of the crop and of the latent's cells."""
    grid, labels = preset.grid, preset.face_crops.label_grid
    codes = 2 * preset.vqgan.groups * grid * grid
    return codes + _MEL + _LANDMARKS + labels**2 + (grid**2 if grid != labels else 0)


def held_bytes(preset: Preset, frames: int) -> int:
    """Of a corpus of so many frames, in one process: their numbers, and crops as training/data.py holds them."""
    pixels = frames * preset.face_crops.size**2 * 3
    stored = int(_PNG_SHARE * pixels)
    crops = 0
    if stored <= STORED_BYTES:
        crops = stored + (pixels if pixels <= DECODED_BYTES else 0)
    return frames * frame_bytes(preset) + crops
