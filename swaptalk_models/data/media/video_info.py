"""What is known of a video. Light: read where nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, without decoding more than its first frame."""

    path: Path
    width: int
    """Upright picture, after the rotation that the file asks for (px)."""
    height: int
    fps: float
    """Mean rate (frames/s)."""
    frames: int
    duration_s: float
    has_audio: bool
    codec: str
    rotation: int
    """Quarter turns counter-clockwise that make the stored picture upright (degrees: 0, 90, 180, 270)."""
    pix_fmt: str
    interlaced: bool
    hdr: bool
