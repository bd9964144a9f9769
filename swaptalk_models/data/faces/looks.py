"""Pictures of a face, kept while it is followed: evenly over a clip of any length, in constant memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from swaptalk_models.data.faces.alignment import crop_affines, crop_face
from swaptalk_models.data.faces.face_track import DETECTED, TRACKED
from swaptalk_models.settings.data import CropsConfig

LOOK = CropsConfig(size=96, margin=0.0, smooth_frames=0)
"""How the face is cut."""
STEADY_LOOK = replace(LOOK, smooth_frames=2.0)
"""The same for what is looked at frame by frame."""
_EVERY = 5  # frames, at first
_MOST = 48


class Looks:
    """Keeps every n-th frame's face; n doubles whenever there are too many."""

    def __init__(self) -> None:
        self._every = _EVERY
        self._kept: dict[int, np.ndarray] = {}

    def see(self, frame: int, image: np.ndarray, landmarks: np.ndarray) -> None:
        """A frame (H, W, 3) uint8 RGB in which the face is."""
        if frame % self._every:
            return
        self._kept[frame] = crop_face(image, crop_affines(landmarks[None], LOOK)[0], LOOK.size)
        if len(self._kept) > _MOST:
            self._every *= 2
            self._kept = {number: look for number, look in self._kept.items() if number % self._every == 0}

    def of(self, status: np.ndarray) -> dict[str, np.ndarray]:
        """``looked_at`` and ``looks`` of a FaceTrack with this status: frames that lost their face later are left out."""
        frames = [frame for frame in self._kept if status[frame] in (DETECTED, TRACKED)]
        looks = [self._kept[frame] for frame in frames]
        return {
            "looked_at": np.array(frames, np.int32),
            "looks": np.stack(looks) if looks else np.zeros((0, LOOK.size, LOOK.size, 3), np.uint8),
        }
