"""How far spoken lips open, and how wide they are drawn.

Lip-sync's mouths move less than real ones, for each is a mean over many, and rest as far open as its reference did. Both are read off a few moments of
speech, said before the work, and are set right: the rest is taken off, and what moves beyond it moves as far as
people's mouths do. On real heads lips are nearly, not always, shut in silence: the rest is read off one frame. Which moment opens them stays the network's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swaptalk_models.classical.lips import MOUTH
from swaptalk_models.data.faces.landmarks import interocular

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
_SPREAD = (0.8, 1.15)  # times as wide as at rest: from `oo` to `ee`


def lips_apart(landmarks: np.ndarray) -> np.ndarray:
    """Gap between the lips' inner edges, of the eyes' distance, (T,) of landmarks (T, 68, 2); below 0 where a detector, lost in a blur, has crossed
    them: so it is no ``mouth_opening``, which has no sign.
    """
    return ((landmarks[:, 66] - landmarks[:, 62]) * _down(landmarks)).sum(axis=1) / interocular(landmarks)


def _both(by_lips: np.ndarray, by_sound: np.ndarray | float) -> np.ndarray:
    """One opening of two that say the same in other ways: their mean."""
    return (by_lips + by_sound) / 2


def _width(landmarks: np.ndarray) -> np.ndarray:
    """Corner to corner, of the eyes' distance, (T,)."""
    return np.linalg.norm(landmarks[:, 54] - landmarks[:, 48], axis=1) / interocular(landmarks)


def _down(landmarks: np.ndarray) -> np.ndarray:
    """(T, 2) unit vectors at right angles to the mouths."""
    across = landmarks[:, 54] - landmarks[:, 48]
    normal = np.stack([-across[:, 1], across[:, 0]], axis=1)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-3)


@dataclass(frozen=True)
class Articulation:
    """What is made of a spoken mouth: ``gain`` times what it opens beyond ``rest``, as much wider or narrower as it is than ``width``."""

    rest: float = 0.0
    """Opening in silence, of the eyes' distance."""
    gain: float = 1.0
    width: float | None = None
    """The same of its width; None: no mouth is drawn wider or narrower."""
    readable: bool = True
    """Whether the mouth was seen to move at all."""

    @classmethod
    def measure(cls, silent: np.ndarray, spoken: np.ndarray, by_sound: np.ndarray | None = None) -> Articulation:
        """From the landmarks (68, 2) of a face that says nothing, and (N, 68, 2) of it at moments of its speech; ``by_sound``: what sound_opening.py says of these
        moments (N,), where it is to have a say.
        """
        openings = lips_apart(spoken)
        least, most = (float(np.quantile(openings, share)) for share in (0.05, 0.95))
        # A network that was taught no silence may gape at it; in speech there are sounds with closed lips.
        rest = max(0.0, min(float(lips_apart(silent[None])[0]), least))
        moved = most - max(least, 0.0)
        readable = moved > _LEAST
        if by_sound is not None:
            both = _both(np.maximum(openings - rest, 0), by_sound)
            moved = float(np.quantile(both, 0.95) - np.quantile(both, 0.05))
        gain = float(np.clip(USUAL / moved, 1, _MOST)) if moved > _LEAST else 1.0
        return cls(rest, gain, float(_width(silent[None])[0]), readable)

    def shaped(self, shown: np.ndarray, found: np.ndarray, by_sound: float | None = None) -> np.ndarray:
        """The mouth (20, 2) of a face with landmarks ``shown`` (68, 2), as far open and as wide as that of ``found`` (68, 2), which may be another's, says;
        ``by_sound``: and as the sound says.
        """
        apart, width = float(lips_apart(found[None])[0]) - self.rest, float(_width(found[None])[0])
        if by_sound is not None:
            apart = float(_both(np.maximum(apart, 0), by_sound))
        shape = np.array(shown, np.float32)
        if self.width is not None:
            shape = _drawn_wide(shape, float(np.clip(width / max(self.width, 1e-3), *_SPREAD)))
        eyes = float(interocular(shape[None])[0])
        return _opened(shape, eyes * float(np.clip(self.gain * apart, 0, _WIDEST)))[MOUTH]


def _drawn_wide(shape: np.ndarray, times: float) -> np.ndarray:
    """Landmarks (68, 2) with a mouth so many times as wide."""
    across = shape[54] - shape[48]
    along = across / max(float(np.linalg.norm(across)), 1e-3)
    middle = (shape[48] + shape[54]) / 2
    wide = shape.copy()
    wide[MOUTH] += (times - 1) * ((shape[MOUTH] - middle) @ along)[:, None] * along
    return wide


def _opened(shape: np.ndarray, wanted: float) -> np.ndarray:
    """Landmarks (68, 2) with lips ``wanted`` px apart."""
    (down,) = _down(shape[None])
    shape = shape.copy()
    gaps = np.array([(shape[low] - shape[up]) @ down for up, low in _PAIRS])
    middle = max(float(gaps[1]), 0.0)
    # Shut, all of the gap goes by the same share; opened, the lips part by as much everywhere.
    new = np.maximum(gaps, 0) * (wanted / middle) if wanted < middle else np.maximum(gaps, 0) + wanted - middle
    for (up, low), change in zip(_PAIRS, new - gaps, strict=True):
        shape[low] += _LOWER_SHARE * change * down
        shape[up] -= (1 - _LOWER_SHARE) * change * down
    shape[_LOWER] += _LOWER_SHARE * (wanted - middle) * down * _CORNERS
    shape[_UPPER] -= (1 - _LOWER_SHARE) * (wanted - middle) * down * _CORNERS
    return shape
