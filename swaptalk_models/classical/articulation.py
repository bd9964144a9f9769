"""How far spoken lips open.

Lip-sync's mouths move less than real ones, for each is a mean over many, and rest as far open as its reference did. Both are read off a few moments of the
sound, spoken by the reference before the work, and are set right in the contours: shut where there is silence, and as far open as people open their
mouths. Which moment opens them, and how they are shaped, stays the network's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swaptalk_models.classical.lips import MOUTH
from swaptalk_models.data.faces.landmarks import mouth_opening

USUAL = 0.18
"""Of the eyes' distance: 5th to 95th percentile of openings in speech, a mean of eleven real heads (0.07 to 0.28)."""
MOMENTS = 15
"""Of the sound that are listened to."""
_MOST = 3.0  # times: what moves less is not made more of
_LEAST = 0.01  # of the eyes' distance: no speech
_LOWER, _UPPER = np.arange(55, 60), np.arange(49, 54)
_INNER_LOWER, _INNER_UPPER = np.arange(65, 68), np.arange(61, 64)
_LOWER_SHARE = 0.8  # of the way is the lower lip's


@dataclass(frozen=True)
class Articulation:
    """What is done to openings: ``gain`` times what they are beyond ``rest``."""

    rest: float = 0.0
    """Opening in silence, of the eyes' distance."""
    gain: float = 1.0

    @classmethod
    def measure(cls, silent: np.ndarray, spoken: np.ndarray) -> Articulation:
        """From the landmarks (68, 2) of a face that says nothing, and (N, 68, 2) of it at moments of its speech."""
        openings = mouth_opening(spoken)
        moved = float(np.quantile(openings, 0.95) - np.quantile(openings, 0.05))
        # Silence may not be the least that is made, but no speech opens less.
        rest = min(float(mouth_opening(silent[None])[0]), float(np.quantile(openings, 0.25)))
        return cls(rest, float(np.clip(USUAL / moved, 1, _MOST)) if moved > _LEAST else 1.0)

    def shaped(self, landmarks: np.ndarray) -> np.ndarray:
        """The mouth (20, 2) of landmarks (68, 2), opened or shut."""
        opening = float(mouth_opening(landmarks[None])[0])
        wanted = max(0.0, self.gain * (opening - self.rest))
        eyes = landmarks[36:42].mean(axis=0) - landmarks[42:48].mean(axis=0)
        across = landmarks[54] - landmarks[48]
        down = np.array([-across[1], across[0]]) / max(float(np.linalg.norm(across)), 1e-3)
        way = (wanted - opening) * float(np.linalg.norm(eyes)) * down
        shape = np.array(landmarks, np.float32)
        for part, share in ((_LOWER, _LOWER_SHARE), (_UPPER, _LOWER_SHARE - 1)):
            shape[part] += share * way * np.array([0.6, 1, 1, 1, 0.6], np.float32)[:, None]
        shape[_INNER_LOWER] += _LOWER_SHARE * way
        shape[_INNER_UPPER] += (_LOWER_SHARE - 1) * way
        return shape[MOUTH]
