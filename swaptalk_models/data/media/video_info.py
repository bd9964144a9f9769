"""What is known of a video. Light: read where nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, without decoding more than its first frame."""

    path: Path
    width: int
    """Of the picture as it is shown: turned as the file asks for, its pixels square (px)."""
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
    """Colours or brightness beyond what an ordinary screen shows: they are mapped to it."""
    mirrored: bool = False
    """The stored picture has to be flipped from left to right before it is turned."""
    pixel_aspect: float = 1.0
    """Width of a stored pixel, as a multiple of its height."""
    on_the_beat: bool = False
    """Frame k is the one that is on show at k / 25 s, for all k."""

    @property
    def plain(self) -> bool:
        """Every frame is shown as it is stored, but for colours."""
        return not (self.interlaced or self.rotation or self.mirrored or self.hdr) and self.pixel_aspect == 1.0
