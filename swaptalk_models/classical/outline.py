"""A source's face in the outline of a target's.

The head that a face is put on keeps its own outline: jaw and chin are the target's. A source whose chin is higher, or whose cheeks are narrower,
would show its own jaw line inside of that, with neck or hair below it. So the picture is bent before the networks see it: the jaw onto the
target's at rest, in the target's turn; brows, eyes, nose and mouth keep their own shapes and places, for these are who the source is.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from swaptalk_models.classical.warp_swap import outline_shape

GRID = 33  # points a side on which the bending is reckoned; it is smooth
_SMOOTH = 1e-3  # of the spline: a landmark that is a little off does not crease the picture
_SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)  # of the way to the target's outline, tried one after the other
_FOLDED = 0.2  # area below which a picture is smeared: of a head turned aside the other cheek cannot be seen
_FAR = np.array([(x, y) for x in (-0.5, 0.5, 1.5) for y in (-0.5, 0.5, 1.5) if (x, y) != (0.5, 0.5)], np.float32)
"""Points beyond the crop, in shares of its side, that stay where they are; a chin may lie at its very edge."""


def in_outline_of(crop: np.ndarray, landmarks: np.ndarray, neutral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The source's crop with its face in the target's outline, and where its landmarks are then.

    Args:
        crop: (S, S, 3) uint8, the source's aligned crop.
        landmarks: (68, 2) in its pixels.
        neutral: (68, 2) the target's resting shape, in any pixels (``neutral_landmarks``).

    Returns:
        (S, S, 3) uint8 and (68, 2) float32.
    """
    shift_gg2, goal = bending(landmarks, neutral, len(crop))
    y, x = np.mgrid[0 : len(crop), 0 : len(crop)].astype(np.float32)
    return bent(crop, shift_gg2, np.stack([x, y], axis=-1)), goal


def bending(
    landmarks: np.ndarray, neutral: np.ndarray, size: int, in_place: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """How a crop of this side is bent into an outline: what ``bent`` takes, and where the landmarks are then, (68, 2) float32.

    ``in_place``: the face comes to lie where ``neutral`` does, whose pixels are then the crop's.
    """
    landmarks = np.asarray(landmarks, np.float32)
    wanted = outline_shape(landmarks, neutral, in_place)
    for share in _SHARES:
        goal = landmarks + np.float32(share) * (wanted - landmarks)
        shift_gg2 = _shift(goal / size, landmarks / size)
        if not share or _least_area(shift_gg2, goal / size) > _FOLDED:
            break
    return shift_gg2, goal


def bent(crop: np.ndarray, shift_gg2: np.ndarray, place_SS2: np.ndarray) -> np.ndarray:
    """The bent crop (S, S, 3) uint8, looked at at these places: (S, S, 2) float32, x and y in pixels."""
    size = len(crop)
    steps = place_SS2 * np.float32((GRID - 1) / (size - 1))
    shift = size * cv2.remap(shift_gg2, steps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]  # the stub wants two maps
    return cv2.remap(crop, shift + place_SS2, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]


def _shift(goal: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """How far from each point of a grid over the bent crop what it shows lies in the crop, (g, g, 2) float32; all in shares of the side."""
    ours, theirs = (np.concatenate([points, _FAR]) for points in (landmarks, goal))
    spline = RBFInterpolator(theirs, ours - theirs, kernel="thin_plate_spline", smoothing=_SMOOTH)
    steps = np.linspace(0, 1, GRID)
    found = spline(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2))
    return found.astype(np.float32).reshape(GRID, GRID, 2)


def _least_area(shift_gg2: np.ndarray, goal: np.ndarray) -> float:
    """Within the bent face: the least area in the crop that a piece of it is made of, over its own. Below 0 the picture is folded."""
    right, down = (np.gradient(shift_gg2, axis=axis) * (GRID - 1) for axis in (1, 0))
    area = (1 + right[..., 0]) * (1 + down[..., 1]) - right[..., 1] * down[..., 0]
    face = np.zeros((GRID, GRID), np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.round(goal * (GRID - 1)).astype(np.int32)), 1)
    return float(area[face > 0].min(initial=1.0))
