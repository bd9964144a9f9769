"""Lips of the source's own picture in the shape that lip-sync has given them.

What a network makes of a sound is the mean of all lips that may go with it, and a mean is blurred. Where the lips are it says well, and what the source's lips
look like its picture says: so the ring between outer and inner contour is taken from the picture, bent by triangles onto the contours found in the
made face. What is between the lips stays the network's: teeth and tongue of the picture are of another sound.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.classical.skin import with_forehead
from swaptalk_models.classical.warp_swap import places_by_triangles

MOUTH, OUTER, INNER = slice(48, 68), slice(48, 60), slice(60, 68)
STEADY = 1.0
"""Sigma (frames) of the Gaussian over the contours of a batch."""
_ROOM = 0.35  # of the mouth's width around it: the window that is reckoned
_SOFT_OUTER, _SOFT_INNER = 0.011, 0.006  # of the crop's side: how wide the ring's borders fade
_MOST_GAIN = 1.6
_MOST_CONTRAST = 1.8  # of the made lips': they are blurred, yet in their light gloss that was lit by a lamp would be a stripe of white
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def add_lips(face: np.ndarray, picture: np.ndarray, landmarks: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """A made face with the picture's lips, (R, R, 3) uint8.

    Args:
        face: (R, R, 3) uint8.
        picture: (R, R, 3) uint8, the source in the target's light, aligned; or of another size.
        landmarks: (68, 2) in the picture's pixels.
        shape: (68, 2) in the face's pixels: where the made face's landmarks are, its mouth as it was made.
    """
    width = float(np.ptp(shape[OUTER, 0]))
    low = np.floor(shape[MOUTH].min(axis=0) - _ROOM * width).astype(int).clip(0, len(face))
    high = np.ceil(shape[MOUTH].max(axis=0) + _ROOM * width).astype(int).clip(0, len(face))
    side = int((high - low).max(initial=0))
    if width < 4 or side < 4 or (high <= low).any():
        return face
    place = places_by_triangles(with_forehead(landmarks), with_forehead(shape) - low.astype(np.float32), side)
    place = place[: high[1] - low[1], : high[0] - low[0]]
    lips = cv2.remap(picture, place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]  # the stub wants two maps
    window = np.s_[low[1] : high[1], low[0] : high[0]]
    under = face[window].astype(np.float32)
    outer, inner = (_filled(shape[part] - low, under.shape[:2]) for part in (OUTER, INNER))
    ring = (outer > 0) & (inner == 0)
    if not ring.any():
        return face
    made, own = (picture[ring].mean(axis=0) for picture in (under, lips))
    gain = np.clip((made + 8) / (own + 8), 1 / _MOST_GAIN, _MOST_GAIN)
    spread = [float((picture[ring] @ _LUMA).std()) for picture in (under, lips * gain)]
    contrast = min(1.0, _MOST_CONTRAST * spread[0] / max(spread[1], 1e-3))
    shown = gain * (own + contrast * (lips - own))
    weight = _soft(outer, _SOFT_OUTER * len(face)) * (1 - _soft(inner, _SOFT_INNER * len(face)))
    blended = under + weight[..., None] * (shown - under)
    result = face.copy()
    result[window] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    return result


def _filled(points: np.ndarray, extent: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(extent, np.float32)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, shift=4)
    return mask


def _soft(mask: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3))
