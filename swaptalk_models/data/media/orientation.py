"""Which way up a stored picture is to be shown: what a display matrix says, as a flip and a quarter turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type

_TILT = 1.0
"""Degrees that a matrix may be off a quarter turn."""


@dataclass(frozen=True)
class Orientation:
    """The stored picture is flipped from left to right if `mirrored`, then turned."""

    rotation: int = 0
    """Degrees counter-clockwise: 0, 90, 180 or 270."""
    mirrored: bool = False

    @property
    def lying(self) -> bool:
        """Whether width and height change places."""
        return self.rotation % 180 == 90

    def upright(self, image: np.ndarray) -> np.ndarray:
        """A stored picture (H, W, ...) as it is to be shown; a view."""
        return np.rot90(image[:, ::-1] if self.mirrored else image, self.rotation // 90)

    def filters(self) -> list[tuple[str, str]]:
        """The same as FFmpeg's filters."""
        turns = {
            0: [],
            90: [("transpose", "cclock")],
            180: [("hflip", ""), ("vflip", "")],
            270: [("transpose", "clock")],
        }
        return ([("hflip", "")] if self.mirrored else []) + turns[self.rotation]


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """What the display matrix of a decoded frame says; a frame without one is upright.

    Raises:
        ValueError: a turn by other than quarters.
    """
    side_data: Any = frame.side_data  # PyAV takes it for a mapping; it gives its values
    matrix = next((data for data in side_data if data.type == Type.DISPLAYMATRIX), None)
    if matrix is None:
        return Orientation()
    # Stored (x, y) are shown at (a x + c y, b x + d y); y points down. ISO/IEC 14496-12, 6.2.2
    a, b, _, c, d, *_ = (int(value) for value in np.frombuffer(bytes(matrix), np.int32))
    if a * d == b * c:  # some writers leave it empty
        return Orientation()
    mirrored = a * d - b * c < 0
    # Clockwise on the screen; the flip from left to right comes first, so it has turned a and b about.
    angle = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    quarters = round(angle / 90)
    if abs(angle - 90 * quarters) > _TILT:
        raise ValueError(f"rotated by {-angle % 360:.0f} degrees; only quarter turns are understood")
    return Orientation(-90 * quarters % 360, mirrored)
