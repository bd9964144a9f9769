"""Which frames of a target are left as they are, and why; and the count of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.ndimage import median_filter

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.quality.measures import yaw_degrees

NO_FACE, TURNED, COVERED = "no face", "turned away", "covered"
MOST_YAW = 45.0
"""Degrees sideways beyond which landmarks no longer say where a face is."""
MOST_COVERED = 0.6
"""Share of a face beyond which what is left of it is no face to put one on."""
_STEADY = 9  # frames over which the median of the turn is taken, so that a face does not come and go


def left_alone(track: FaceTrack) -> list[str | None]:
    """For each frame of a target why no face is made in it; None where one is."""
    seen = track.confidence > 0
    yaw = median_filter(np.abs(yaw_degrees(track.landmarks)), size=_STEADY, mode="nearest")
    return [NO_FACE if not face else TURNED if turn > MOST_YAW else None for face, turn in zip(seen, yaw, strict=True)]


@dataclass
class Tally:
    """What became of the frames that were written."""

    frames: int = 0
    made: int = 0
    """In which a face was made."""
    partly_covered: int = 0
    """Of these: in which something is before the face, and stays there."""
    passed_through: dict[str, int] = field(default_factory=dict)
    """Left as they are, by reason."""

    def count(self, reason: str | None, covered: bool = False) -> None:
        """One more frame; ``reason``: why it passed through, None where a face was made."""
        self.frames += 1
        if reason is not None:
            self.passed_through[reason] = self.passed_through.get(reason, 0) + 1
        else:
            self.made += 1
            self.partly_covered += covered

    def to_json(self) -> dict[str, Any]:
        """For records."""
        return asdict(self)
