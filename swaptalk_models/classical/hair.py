"""Hair that hangs over a face: where it is, and what the face would be without it.

It is not of the face: put on another head it is a blotch. `bare_face` takes it away. What it hides is taken from the face's other side, as far as that
is open to view, else it is skin in the colour that the face's own light gives it there.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.classical.beard import beard
from swaptalk_models.classical.light import Light, skin_field
from swaptalk_models.classical.skin import (
    convex,
    feature_zone,
    skin_statistics,
    unlike_skin_of,
    with_forehead,
)

# Lengths in shares of the face, its largest extent in landmarks.
_ROOM = 0.025  # around the brows; hair hangs close beside them
_RIM = 0.05  # how far beyond its outline hair is painted over: a latent cell at the rim is of both sides
_HIGHER = 0.3  # of the forehead's height, above its points: the target's may begin where its brows are lower
_THICK = 0.03  # half of what a lock measures at least: brows, lashes and glasses are thinner
_EDGE = 0.018  # how far a lock's shadow reaches on the skin beside it
_FRINGE = 0.035  # the same above the brows, where single hairs lie before a lock
_CURL = 0.04  # half of the widest gap in hair that is hair
_AROUND = 0.03  # around eyes and nose, where nothing is taken for hair
_BROW = 0.012  # half of a brow's height
_ABOVE_BROW = 0.045  # where it is looked whether there is skin above a brow
_SOFT = 0.012  # sigma of the edge between what is kept and what is painted
_UNLIKE = 0.4  # of skin: from here on it may be hair
_FAIR = 0.35  # above the brows, where nothing else may be: from here on it is hair for certain, if fair
_CHEEK_COVERED, _CHEEK_OPEN = 0.25, 0.08  # shares: a cheek unlike skin, and one like it
_BOTH = 0.2  # of the larger cheek's area the smaller one has at least, where two are seen
_BRIGHTEST = 1.3  # of skin, that is taken over from the other side
_BESIDE = (0.5, 1.5)  # of the field's skin: more than that is no skin
_SPREAD, _LEAST_SEEN = 0.07, 1e-3  # how far skin beside a hidden place tells what it is like; and of how little of it
_UPPER = [*range(5), *range(12, 17), *range(17, 48), *range(68, 78)]  # landmarks that tell how the upper face is turned
_OTHER_SIDE = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), 45, 44, 43, 42, 47, 46, 39, 38, 37, 36]
    + [41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65, *range(77, 67, -1)]
)
"""For each of `with_forehead`'s landmarks its counterpart."""


def bare_face(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The picture without hair over its face. Brows, eyes and glasses stay as they are, but for what a lock hides of them; below the nose all stays but
    what covers one cheek alone.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels.

    Returns:
        (H, W, 3) uint8.
    """
    points = with_forehead(np.asarray(landmarks, np.float32))
    height, width = image.shape[:2]
    size = float(np.ptp(points[:68], axis=0).max())
    higher = points[68:] + _HIGHER * (points[68:] - points[17:27])
    face = cv2.dilate(_filled(height, width, np.concatenate([points, higher])), _disc(_RIM * size))
    hidden = hair(image, points[:68]) * face
    if not hidden.any():
        return image
    skin = skin_field(Light.measure(image, points[:68]), points[:68], height, width)
    skin *= _as_beside(image, skin, hidden, points, size)
    without = _from_the_other_side(image, hidden, skin, points, size)
    covered = cv2.GaussianBlur(hidden, (0, 0), max(0.5, _SOFT * size))[..., None]
    return np.clip(np.rint(image + covered * (without - image)), 0, 255).astype(np.uint8)


def _as_beside(image: np.ndarray, skin: np.ndarray, hidden: np.ndarray, points: np.ndarray, size: float) -> np.ndarray:
    """(H, W, 3) float32: what the skin beside it is of the field's, spread into what is hidden. The field is fitted to the whole face, and
    goes astray at its rim, where hair hangs.
    """
    height, width = image.shape[:2]
    like_skin = unlike_skin_of(image, *skin_statistics(image, points[:68])) < _UNLIKE
    seen = like_skin * (cv2.dilate(hidden, _disc(_EDGE * size)) < 0.1) * _filled(height, width, points)
    step = max(1, round(0.02 * size))
    small = (-(-width // step), -(-height // step))
    share = np.clip(image / np.maximum(skin, 1), *_BESIDE) * seen[..., None]
    share, weight = (cv2.resize(x.astype(np.float32), small, interpolation=cv2.INTER_AREA) for x in (share, seen))
    sigma = _SPREAD * size / step
    share, weight = cv2.GaussianBlur(share, (0, 0), sigma), cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    return cv2.resize((share + _LEAST_SEEN) / (weight + _LEAST_SEEN), (width, height), interpolation=cv2.INTER_LINEAR)


def hair(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(H, W) float32, 0 to 1: what is no skin above the brows and beside them; below, the locks that hang down from there.

    A lock is told from brows, lashes and glasses by its thickness. Below the nose a beard cannot be told from it.
    """
    height, width = image.shape[:2]
    size = float(np.ptp(points, axis=0).max())
    far = unlike_skin_of(image, *skin_statistics(image, points))
    unlike = (far > _UNLIKE).astype(np.uint8)
    protected = feature_zone(points[17:27], height, width, _ROOM * size)
    features = _filled(height, width, points[36:42]) + _filled(height, width, points[42:48])
    features += _filled(height, width, points[27:36])
    brows = cv2.dilate(_open_brows(unlike, points, size), _disc(_BROW * size)) > 0
    kept = (cv2.dilate(features, _disc(_AROUND * size)) > 0) | brows | _below_the_nose(height, width, points)
    thick = cv2.morphologyEx(unlike, cv2.MORPH_OPEN, _disc(_THICK * size))
    _, pieces = cv2.connectedComponents(thick * ~kept)
    hanging = np.unique(pieces[(protected == 0) & (pieces > 0)])
    locks = np.isin(pieces, hanging[hanging > 0]).astype(np.uint8)
    locks = cv2.dilate(locks, _disc(_THICK * size)) * unlike * ~kept
    outside = cv2.dilate(np.minimum(far / _FAIR, 1) * (1 - protected), _disc(_FRINGE * size))
    # Between locks, and between a lock and the face, a fair curl looks like skin.
    outside = cv2.morphologyEx(np.maximum(outside, protected), cv2.MORPH_CLOSE, _disc(_CURL * size)) * (1 - protected)
    outside *= ~brows * (1 - beard(image, points))
    inside = cv2.dilate(locks, _disc(_EDGE * size)) * ~kept * protected
    beside = cv2.dilate(unlike, _disc(_EDGE * size)) * _one_cheek(unlike, points, size)
    return np.maximum(np.maximum(outside, inside), beside).astype(np.float32)


def _open_brows(unlike: np.ndarray, points: np.ndarray, size: float) -> np.ndarray:
    """(H, W) float32, 1 at those points of the brows that have skin above them: there they are seen themselves, not a lock before them."""
    height, width = unlike.shape
    up = (points[27] - points[33]) * (_ABOVE_BROW * size / max(float(np.linalg.norm(points[27] - points[33])), 1e-6))
    brows = np.zeros((height, width), np.float32)
    for point in points[17:27]:
        x, y = np.round(point + up).astype(int)
        if 0 <= x < width and 0 <= y < height and not unlike[y, x]:
            cv2.circle(brows, (round(float(point[0])), round(float(point[1]))), 1, 1.0, -1)
    return brows


def _one_cheek(unlike: np.ndarray, points: np.ndarray, size: float) -> np.ndarray:
    """(H, W) float32, 1 on a cheek just below the nose, fading out down to the lips, if it is unlike skin and the other is not; else 0.

    A beard grows on both.
    """
    height, width = unlike.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    right, down = points[45] - points[36], points[33] - points[27]
    right, down = (axis / max(float(np.linalg.norm(axis)), 1e-6) for axis in (right, down))
    below = (x - points[33, 0]) * down[0] + (y - points[33, 1]) * down[1]
    mouth = max(float((points[[48, 54]].mean(axis=0) - points[33]) @ down), 1e-3)
    # Aside of the mouth's corners, and somewhat further down than they are.
    fading = np.clip(1 - below / (1.5 * mouth), 0, 1) * (below > 0)
    across = (x - points[33, 0]) * right[0] + (y - points[33, 1]) * right[1]
    aside = 0.5 * abs(float((points[54] - points[48]) @ right)) + _AROUND * size
    face = _filled(height, width, points)
    cheeks = [face * (fading > 0) * (side * across > aside) for side in (-1, 1)]
    areas = [float(cheek.sum()) for cheek in cheeks]
    if min(areas) < _BOTH * max(areas):  # of a head turned aside there is one cheek to see
        return np.zeros((height, width), np.float32)
    covered = [float((unlike * cheek).sum()) / area for cheek, area in zip(cheeks, areas, strict=True)]
    if max(covered) < _CHEEK_COVERED or min(covered) > _CHEEK_OPEN:
        return np.zeros((height, width), np.float32)
    side = (-1, 1)[int(np.argmax(covered))]
    return (fading * (side * across > aside)).astype(np.float32)


def _from_the_other_side(
    image: np.ndarray, hidden: np.ndarray, skin: np.ndarray, points: np.ndarray, size: float
) -> np.ndarray:
    """(H, W, 3) float32: the upper half of a face mirrored, in the light of the side that it comes to; skin where both sides are hidden, and below.

    Each half is mirrored by the affine map of its own landmarks: of a turned head one half is narrower.
    """
    height, width = image.shape[:2]
    middle, down = points[27:31].mean(axis=0), points[33] - points[27]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    right = (x - middle[0]) * down[1] > (y - middle[1]) * down[0]
    points_right = (points[:, 0] - middle[0]) * down[1] > (points[:, 1] - middle[1]) * down[0]
    open_to_view = (cv2.dilate(hidden, _disc(_EDGE * size)) < 0.1).astype(np.float32) * _filled(height, width, points)
    open_to_view = cv2.GaussianBlur(open_to_view, (0, 0), max(0.5, _SOFT * size)) * open_to_view
    level = np.concatenate([image / np.maximum(skin, 1), open_to_view[..., None]], axis=-1).astype(np.float32)
    upper = cv2.GaussianBlur(1 - _below_the_nose(height, width, points).astype(np.float32), (0, 0), _EDGE * size + 0.5)
    filled = skin.copy()
    for side, of_side in ((right, points_right), (~right, ~points_right)):
        ours = [number for number in _UPPER if of_side[number]]
        if len(ours) < 3:  # a profile
            continue
        known = np.concatenate([points[ours], np.ones((len(ours), 1), np.float32)], axis=1)
        there = np.linalg.lstsq(known, points[_OTHER_SIDE[ours]], rcond=None)[0].T
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        mirrored = cv2.warpAffine(level, there, (width, height), flags=flags)
        share = (mirrored[..., 3] * upper)[..., None]
        mixed = skin * (1 + share * (np.minimum(mirrored[..., :3], _BRIGHTEST) - 1))
        filled = np.where(side[..., None], mixed, filled)
    return filled.astype(np.float32)


def _below_the_nose(height: int, width: int, points: np.ndarray) -> np.ndarray:
    """bool (height, width)"""
    down = points[33] - points[27]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.asarray((x - points[33, 0]) * down[0] + (y - points[33, 1]) * down[1] > 0)


def _filled(height: int, width: int, points: np.ndarray) -> np.ndarray:
    mask = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(mask, convex(points), 1)
    return mask


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
