"""What is seen between parted lips: teeth, tongue and dark, of a picture in which a mouth is open.

Upper teeth are fast to the skull, just below the upper lip; what lips uncover is more or less of the same mouth. So the picture's inside is hung from
the upper lip at the size that the eyes' distance gives it, and cut off by lower lip and corners; it is stretched only where the lips part wider than in
the picture. One picture for a whole video: teeth do not flicker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from swaptalk_models.classical.lips import INNER, filled, softened
from swaptalk_models.data.faces.landmarks import interocular

OPEN = 0.15
"""Of the mouth's width: how far lips have to be parted for a picture to show what is between them."""
_SOFT = 0.006  # of the crop's side: how wide the border fades
_SHADE, _SHADE_WIDTH = (
    0.55,
    0.02,
)  # how dark it is at the lips, and how far in (of the side): they cast their shadow on the teeth
_LEAST = 0.5  # px: lips that are closer are closed


class _Span(NamedTuple):
    """A mouth's inner contour as a frame of its own."""

    middle: np.ndarray
    along: np.ndarray
    """Unit vector from corner to corner."""
    down: np.ndarray
    width: float
    top: float
    """Middle of the upper lip's edge, below the line between the corners (px)."""
    gap: float

    @classmethod
    def of(cls, contour: np.ndarray) -> _Span:
        """Of (8, 2) points, in iBUG's order."""
        across = contour[4] - contour[0]
        width = max(float(np.linalg.norm(across)), 1e-3)
        along = across / width
        down = np.array([-along[1], along[0]], np.float32)
        middle = (contour[0] + contour[4]) / 2
        top, bottom = (float(((contour[part] - middle) @ down).mean()) for part in ([1, 2, 3], [5, 6, 7]))
        return cls(middle, along, down, width, top, max(bottom - top, 0.0))


def parted(landmarks: np.ndarray) -> np.ndarray:
    """How far the lips are parted, of the mouth's width: landmarks (T, 68, 2) give (T,)."""
    spans = [_Span.of(contour) for contour in landmarks[:, INNER]]
    return np.array([span.gap / span.width for span in spans], np.float32)


@dataclass(frozen=True)
class MouthInside:
    """An open mouth."""

    picture: np.ndarray
    """(R, R, 3) uint8, an aligned crop in the target's light."""
    landmarks: np.ndarray
    """(68, 2) in its pixels."""

    def put(self, face: np.ndarray, shape: np.ndarray) -> np.ndarray:
        """A face (R, R, 3) uint8 with this mouth's inside between its own lips, whose landmarks are ``shape`` (68, 2)."""
        ours, theirs = _Span.of(self.landmarks[INNER]), _Span.of(shape[INNER])
        if theirs.gap < _LEAST or theirs.width < 4:
            return face
        low, high = shape[INNER].min(axis=0), shape[INNER].max(axis=0)
        room = 4 * _SHADE_WIDTH * len(face)
        low, high = (np.clip(np.rint(v), 0, len(face)).astype(int) for v in (low - room, high + room))
        if (high - low < 2).any():
            return face
        window = np.s_[low[1] : high[1], low[0] : high[0]]
        own_size = float(interocular(self.landmarks[None])[0] / interocular(shape[None])[0])
        along, down = min(own_size, ours.width / theirs.width), min(own_size, ours.gap / theirs.gap)
        # p -> middle + along * u * e + (top + (v - top') * down) * n, (u, v) where p lies in the frame of the lips
        turn = np.outer(ours.along, theirs.along) * along + np.outer(ours.down, theirs.down) * down
        start = ours.middle + ours.down * (ours.top - theirs.top * down) - turn @ theirs.middle + turn @ low
        affine = np.concatenate([turn, start[:, None]], axis=1).astype(np.float32)
        under = face[window].astype(np.float32)
        extent = under.shape[1::-1]
        how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(self.picture, affine, extent, flags=how, borderMode=cv2.BORDER_REPLICATE)
        mask = filled(shape[INNER] - low, under.shape[:2])
        depth = np.clip(1.6 * softened(mask, _SHADE_WIDTH * len(face)) - 0.3, 0, 1)
        lit = seen * (_SHADE + (1 - _SHADE) * depth)[..., None]
        blended = under + softened(mask, _SOFT * len(face))[..., None] * (lit - under)
        result = face.copy()
        result[window] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
        return result
