"""What is to be said of a source picture before it is put on."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.faces.landmarks import eye_openness

_SHUT = 0.19  # eye aspect ratio: two pictures with closed eyes have 0.13 and 0.15, nine with open ones 0.25 and more


def closed_eyes(landmarks: np.ndarray, name: str) -> str | None:
    """What is said of a source with landmarks (68, 2) whose eyes are closed: they are so in every frame. None: they are open."""
    openness = (eye_openness(landmarks[36:42]) + eye_openness(landmarks[42:48])) / 2
    if openness >= _SHUT:
        return None
    return f"the eyes in {name} are closed, and so they are in every frame: give a picture with open eyes"
