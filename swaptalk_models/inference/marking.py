"""The last step of writing a video, as a generation sees it: frames on their way into the file, and the file itself.

What is done there stands in ``swaptalk_models/provenance``; a generation knows nothing of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from swaptalk_models.data.faces.face_track import FaceTrack


class Marking(Protocol):
    """Marks one video."""

    def begin(self, track: FaceTrack) -> None:
        """Before the first frame: where the face is in the frames of the target."""

    def on_frame(self, frame: np.ndarray, number: int, shown: int | None) -> np.ndarray:
        """A finished frame (H, W, 3) uint8 RGB as it is to be written.

        Args:
            number: of the frame in the video.
            shown: number of the target's frame, where a face was made in it; None where it passed through.
        """

    def end(self, told: dict[str, Any]) -> None:
        """After the last frame: what became of the frames, see ``Tally``."""

    def on_file(self, path: Path) -> None:
        """The whole file, in place, before anybody sees it."""


class NoMarks:
    """Leaves everything as it is."""

    def begin(self, track: FaceTrack) -> None:
        """Nothing."""

    def on_frame(self, frame: np.ndarray, number: int, shown: int | None) -> np.ndarray:
        """The frame."""
        return frame

    def end(self, told: dict[str, Any]) -> None:
        """Nothing."""

    def on_file(self, path: Path) -> None:
        """Nothing."""
