"""How far spoken lips open.

Lip-sync's mouths move less than real ones, for each is a mean over many, and rest as far open as its reference did. Both are read off a few moments of
speech, said by the reference before the work, and are set right in the contours: the rest is taken off, and what moves beyond it moves as far as
people's mouths do. On real heads lips are nearly, not always, shut in silence: the rest is read off one frame. Which moment opens them, and how they are shaped, stays the network's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swaptalk_models.classical.lips import MOUTH
from swaptalk_models.data.faces.landmarks import mouth_opening

USUAL = 0.18
"""Of the eyes' distance: from the 5th to the 95th percentile of openings in speech, a mean of eleven real heads (0.07 to 0.28)."""
MOMENTS = 15
"""Of the speech that are listened to."""
_MOST = 3.0  # times: what moves less is not made more of
_WIDEST = (
    0.35  # of the eyes' distance: no opening is made wider, lest a slip of the detector, times three, tear the face
)
_LEAST = 0.03  # of the eyes' distance: two pixels of the detector's; less is its tremble
_LOWER_SHARE = 0.8  # of the way is the lower lip's
_PAIRS = ((61, 67), (62, 66), (63, 65))  # upper and lower edge of what is between the lips
_LOWER, _UPPER = slice(55, 60), slice(49, 54)
_CORNERS = np.array([0.6, 1, 1, 1, 0.6], np.float32)[:, None]


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
        least, most = (float(np.quantile(openings, share)) for share in (0.05, 0.95))
        # A network that was taught no silence may gape at it; in speech there are sounds with closed lips.
        rest = min(float(mouth_opening(silent[None])[0]), least)
        moved = most - least
        return cls(rest, float(np.clip(USUAL / moved, 1, _MOST)) if moved > _LEAST else 1.0)

    def shaped(self, landmarks: np.ndarray) -> np.ndarray:
        """The mouth (20, 2) of landmarks (68, 2), opened or shut."""
        shape = np.array(landmarks, np.float32)
        across = shape[54] - shape[48]
        down = np.array([-across[1], across[0]], np.float32) / max(float(np.linalg.norm(across)), 1e-3)
        eyes = float(np.linalg.norm(shape[36:42].mean(axis=0) - shape[42:48].mean(axis=0)))
        gaps = np.array([(shape[low] - shape[up]) @ down for up, low in _PAIRS])
        middle = max(float(gaps[1]), 0.0)
        wanted = eyes * float(np.clip(self.gain * (middle / max(eyes, 1e-3) - self.rest), 0, _WIDEST))
        # Shut, all of the gap goes by the same share; opened, the lips part by as much everywhere.
        new = np.maximum(gaps, 0) * (wanted / middle) if wanted < middle else np.maximum(gaps, 0) + wanted - middle
        for (up, low), change in zip(_PAIRS, new - gaps, strict=True):
            shape[low] += _LOWER_SHARE * change * down
            shape[up] -= (1 - _LOWER_SHARE) * change * down
        shape[_LOWER] += _LOWER_SHARE * (wanted - middle) * down * _CORNERS
        shape[_UPPER] -= (1 - _LOWER_SHARE) * (wanted - middle) * down * _CORNERS
        return shape[MOUTH]
