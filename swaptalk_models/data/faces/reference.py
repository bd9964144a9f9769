"""The frame of a clip that shows the lip-sync what the face looks like: one definition for training and inference."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.faces.landmarks import mouth_opening


def reference_frame(landmarks: np.ndarray) -> int:
    """Frame whose pose is typical of the clip and whose mouth is nearly closed, from landmarks (T, 68, 2) in crop
    pixels.

    A closed mouth leaves the audio the whole say; a typical pose leaves the warp the least to do.
    """
    opening = mouth_opening(landmarks)
    upper = landmarks[:, 17:48]
    distance = np.linalg.norm(upper - np.median(upper, axis=0), axis=-1).mean(-1)
    quiet = opening <= np.quantile(opening, 0.25)
    return int(np.flatnonzero(quiet)[np.argmin(distance[quiet])])
