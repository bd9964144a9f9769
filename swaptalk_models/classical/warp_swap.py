"""The swap teacher: a classical face swap by landmarks, no network.

The source's skin and features are warped into the target's pose and expression and blended into the target's face.
Where the features go is the heart of it: a swap that bends the source's features to the target's own (the usual
piecewise warp) keeps the target's geometry, and geometry is half of an identity. Here, in coordinates of the template,

    destination = source's shape, turned to the front + (target frame's shape - target's neutral shape)

so that identity comes from the source, pose and expression from the target; the jaw stays the target's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy.spatial import Delaunay

from swaptalk_models.classical.light import STRENGTH, Light, relight_to
from swaptalk_models.classical.skin import convex, feature_zone, skin_statistics, unlike_skin_of, with_forehead
from swaptalk_models.data.faces.alignment import TEMPLATE, apply_affine, crop_affines, crop_face, invert_affine
from swaptalk_models.data.faces.landmarks import eye_openness
from swaptalk_models.settings.data import CropsConfig

# How far each landmark moves sideways when the head turns, relative to the nose tip: the first principal component
# (10 times the second) of the mirrored sideways motion of 16 talking heads. It is the depth of a mean face.
_HALF_JAW = [-1.39, -1.35, -1.38, -1.37, -1.2, -0.92, -0.62, -0.34]
_HALF_BROW = [-0.21, 0.04, 0.21, 0.35, 0.45]
_EYES = [-0.05, 0.05, 0.07, 0.05, 0.03, 0.01, 0.05, 0.07, 0.05, -0.05, 0.01, 0.03]
_NOSE = [0.57, 0.68, 0.82, 0.95, 0.42, 0.53, 0.6, 0.53, 0.42]
_OUTER_LIPS = [-0.15, 0.18, 0.37, 0.4, 0.37, 0.18, -0.15, 0.07, 0.23, 0.27, 0.23, 0.07]
_INNER_LIPS = [-0.13, 0.32, 0.35, 0.32, -0.13, 0.28, 0.31, 0.28]
_DEPTH = np.array(
    _HALF_JAW + [-0.24] + _HALF_JAW[::-1] + _HALF_BROW + _HALF_BROW[::-1] + _NOSE + _EYES + _OUTER_LIPS + _INNER_LIPS,
    np.float32,
)
_TURN_POINTS = np.array([27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45, 48, 54])  # where a turn is read off

_CROP = CropsConfig(size=64, smooth_frames=0)
_EYE_LINES = (np.arange(36, 42), np.arange(42, 48))
_LOWER_LIP = np.array([55, 56, 57, 58, 59, 65, 66, 67])
_LOWER_LIP_SHARE = np.array([0.6, 1, 1, 1, 0.6, 1, 1, 1], np.float32)  # of the mouth's opening that each point moves by
_ENLARGED = 192  # px: largest working crop that is larger than the face itself
_SAME_SIZE = 0.8  # scale from which nothing is lost between the pixels that are read
_LEAST_WEIGHT = 1 / 512  # of a mask: less does not change a pixel
_OPEN_EYE = 0.28  # aspect ratio of an eye at rest


@dataclass(frozen=True)
class SwapColour:
    """Skin and light of a target. Measured once a clip, they keep it steady."""

    skin: np.ndarray
    """float32 (3,): the skin's median RGB values, 0 to 255."""
    spread: np.ndarray
    """float32 (3,): 1.48 times the median absolute deviation, which is a standard deviation without outliers."""
    light: Light

    @classmethod
    def measure(cls, targets: np.ndarray | Sequence[np.ndarray], landmarks: np.ndarray) -> SwapColour:
        """From some frames (8 are enough) of the target with landmarks (N, 68, 2)."""
        skin, spread = np.median(
            [skin_statistics(image, points) for image, points in zip(targets, landmarks, strict=True)], axis=0
        )
        return cls(skin, spread, Light.of_clip(targets, landmarks))


def neutral_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """A clip's `target_neutral`: the median of its landmarks (T, 68, 2) after alignment.

    float32 (68, 2) in the pixels of the clip's first frame; only its shape matters, not its place.
    """
    affines = crop_affines(landmarks, _CROP)
    aligned = np.median(apply_affine(landmarks, affines), axis=0)
    return apply_affine(aligned, invert_affine(affines[0]))


def warp_swap(
    source: np.ndarray,
    source_landmarks: np.ndarray,
    target: np.ndarray,
    target_landmarks: np.ndarray,
    target_neutral: np.ndarray | None = None,
    *,
    colour: SwapColour | None = None,
    colour_strength: float = STRENGTH,
    geometry: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Swap the source's face into the target image: (image like `target`, uint8; mask float32 (H, W), 0 to 1).

    Images are uint8 RGB, aligned crops or whole frames, and need not be of one size; landmarks (68, 2) are in pixels of
    their own image. `target_neutral` is the target's resting shape (`neutral_landmarks`); without it the target's frame
    counts as neutral but for its open mouth and closed eyes. `colour_strength` (0 to 1) is how far the source is brought
    into the target's light (classical/light.py), `geometry` (0 to 1) how much of the source's shape is kept.
    Nothing is random and nothing depends on other frames: with steady landmarks and one `colour` a clip is steady.
    """
    source_landmarks = np.asarray(source_landmarks, np.float32)
    target_landmarks = np.asarray(target_landmarks, np.float32)
    shape = destination_shape(source_landmarks, target_landmarks, target_neutral, geometry)
    size = _working_size(target_landmarks)
    # All happens in a crop around the target's face, at the face's own resolution.
    to_work = crop_affines(target_landmarks[None], CropsConfig(size=size, smooth_frames=0))[0]
    target_crop = _working_crop(target, to_work, size)
    target_points, shape = apply_affine(target_landmarks, to_work), apply_affine(shape, to_work)
    source_affine = crop_affines(source_landmarks[None], CropsConfig(size=size, smooth_frames=0))[0]
    source_crop = _working_crop(source, source_affine, size)
    source_points = apply_affine(source_landmarks, source_affine)

    if colour is None:
        colour = SwapColour.measure([target_crop], target_points[None])
    lit = relight_to(source_crop, source_points, colour.light, colour_strength)
    warped = warp_by_triangles(lit, with_forehead(source_points), with_forehead(shape), size)
    unlike_skin = np.maximum(
        unlike_skin_of(warped, *skin_statistics(lit, source_points)),
        unlike_skin_of(target_crop, colour.skin, colour.spread),
    )
    mask = _swap_mask(shape, target_points, unlike_skin)
    warped = keep_mouth_interior(warped.astype(np.float32), target_crop, target_points, shape)
    warped = _match_rim(warped, target_crop, mask, 1 - unlike_skin)
    return _blend_back(target, warped, mask, to_work)


def _working_size(landmarks: np.ndarray) -> int:
    """Side of the working crop: the face's own resolution; of small faces one and a half times that, and 128 at least, since a warp blurs."""
    scale = float(np.sqrt(np.linalg.det(crop_affines(landmarks[None], _CROP)[0][:, :2])))
    own = 16 * round(_CROP.size / scale / 16)
    return int(np.clip(max(own, min(3 * own // 2, _ENLARGED)), 128, 512))


def _working_crop(image: np.ndarray, affine: np.ndarray, size: int) -> np.ndarray:
    """As ``crop_face``; what is not made smaller is read by cubics, for each linear step of several costs a quarter of a small face's sharpness."""
    if np.linalg.det(affine[:, :2]) < _SAME_SIZE**2:
        return crop_face(image, affine, size)
    return cv2.warpAffine(image, affine, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def destination_shape(
    source: np.ndarray, target: np.ndarray, neutral: np.ndarray | None, geometry: float = 1.0
) -> np.ndarray:
    """Where the source's landmarks (68, 2) go in the target image, (68, 2) in its pixels; arguments as in ``warp_swap``."""
    to_template = crop_affines(target[None], _CROP)[0]
    frame = apply_affine(target, to_template)
    rest = (
        frame
        if neutral is None
        else apply_affine(neutral, crop_affines(np.asarray(neutral, np.float32)[None], _CROP)[0])
    )
    own = apply_affine(source, crop_affines(source[None], _CROP)[0])

    own_front, rest_front = face_forward(own), face_forward(rest)
    rest_closed = _close_mouth(rest_front)
    shape = _above_chin(_close_mouth(own_front), rest_closed) + (frame - rest_closed)
    for eye in _EYE_LINES:
        usual = _OPEN_EYE if neutral is None else max(eye_openness(rest_front[eye]), 0.12)
        openness = np.clip(eye_openness(frame[eye]) / usual, 0.1, 1.25)
        shape[eye] = _blinked(own_front[eye], openness) + (frame - rest_front)[eye].mean(axis=0)
    shape[:17] = frame[:17]
    shape = frame + geometry * (shape - frame)
    return apply_affine(shape, invert_affine(to_template))


def outline_shape(source: np.ndarray, neutral: np.ndarray, in_place: bool = False) -> np.ndarray:
    """The source's landmarks (68, 2) with the jaw and the turn of a target's shape ``neutral`` (68, 2): in the source's own pixels, or where the target
    is in its.
    """
    to_template, of_target = (crop_affines(np.asarray(one, np.float32)[None], _CROP)[0] for one in (source, neutral))
    own, rest = apply_affine(source, to_template), apply_affine(neutral, of_target)
    shape = face_forward(own) + (rest - face_forward(rest))
    shape[:17] = rest[:17]
    return apply_affine(shape, invert_affine(of_target if in_place else to_template))


def face_forward(shape: np.ndarray) -> np.ndarray:
    """An aligned shape (68, 2) with the head's turn to the side taken out, to first order."""
    depth = _DEPTH[_TURN_POINTS] - _DEPTH[_TURN_POINTS].mean()
    off = (shape - (TEMPLATE * _CROP.size - 0.5))[_TURN_POINTS, 0]
    turn = float(depth @ (off - off.mean()) / (depth @ depth))
    return shape - np.stack([turn * _DEPTH, np.zeros(68, np.float32)], axis=1)


def _close_mouth(shape: np.ndarray) -> np.ndarray:
    closed = shape.copy()
    gap = (shape[[67, 66, 65]] - shape[[61, 62, 63]]).mean(axis=0)
    closed[_LOWER_LIP] -= _LOWER_LIP_SHARE[:, None] * gap
    return closed


def _blinked(eye: np.ndarray, openness: float) -> np.ndarray:
    """The eye's points with their distance from the line between its corners scaled; a blink comes from above."""
    along = (eye[3] - eye[0]) / max(float(np.linalg.norm(eye[3] - eye[0])), 1e-6)
    foot = eye[0] + ((eye - eye[0]) @ along)[:, None] * along
    share = np.array([1, openness, openness, 1, 0.5 + 0.5 * openness, 0.5 + 0.5 * openness], np.float32)[:, None]
    low = foot + (eye - foot) * share
    # closed: the upper lid lies on the lower one
    low[[1, 2]] = low[[5, 4]] + (eye[[1, 2]] - eye[[5, 4]]) * openness
    return low


def _above_chin(closed: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A long face in a short one: its mouth moved up as far as the lower lip needs room above the resting chin.

    Both shapes at rest, so that the shift is the same in all frames.
    """
    chin = rest[8, 1]
    least = min(0.35 * (chin - rest[33, 1]), chin - rest[57, 1])
    closed = closed.copy()
    closed[48:, 1] -= max(0.0, least - (chin - closed[57, 1]))
    return closed


@lru_cache(maxsize=1)
def face_triangles() -> np.ndarray:
    """Fixed triangulation (N, 3) of 68 + 10 points without the mouth's inside; mouth and eyes drawn open first."""
    shape = TEMPLATE.copy()
    shape[_LOWER_LIP] += [0, 0.04]
    shape[4:13] += [0, 0.03]
    triangles = Delaunay(with_forehead(shape)).simplices
    inner = (triangles >= 60) & (triangles < 68)
    return triangles[~inner.all(axis=1)]


def warp_by_triangles(image: np.ndarray, from_points: np.ndarray, to_points: np.ndarray, size: int) -> np.ndarray:
    """Piecewise affine warp of a crop (size, size, 3) in one remap."""
    place = places_by_triangles(from_points, to_points, size)
    return cv2.remap(image, place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)  # type: ignore[call-overload]  # the stub wants two maps


def places_by_triangles(from_points: np.ndarray, to_points: np.ndarray, size: int) -> np.ndarray:
    """Where each pixel of a warped crop lies in the crop, (size, size, 2) float32: it looks up its triangle's affine."""
    triangles = face_triangles()
    owner = np.full((size, size), -1, np.int32)
    corners = np.round(to_points[triangles] * 16).astype(np.int32)
    for i, triangle in enumerate(corners):
        cv2.fillConvexPoly(owner, triangle, i, shift=4)
    ones = np.ones((*triangles.shape, 1), np.float32)
    there = np.concatenate([to_points[triangles], ones], axis=2).astype(np.float64)
    flat = np.abs(np.linalg.det(there)) < 1e-3
    there[flat] = np.eye(3)
    affines = (np.linalg.inv(there) @ from_points[triangles]).astype(np.float32)  # (N, 3, 2): [x y 1] -> source
    affines = np.concatenate(
        [affines, np.array([[[1, 0], [0, 1], [0, 0]]], np.float32)]
    )  # -1: pixels of no triangle stay
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    lookup = affines[owner]
    place: np.ndarray = lookup[..., 0, :] * x[..., None] + lookup[..., 1, :] * y[..., None] + lookup[..., 2, :]
    return place


def keep_mouth_interior(
    warped: np.ndarray, target: np.ndarray, target_points: np.ndarray, shape: np.ndarray
) -> np.ndarray:
    """Between the lips the target's own teeth and dark are shown, fitted into the destination's lips."""
    size = len(target)
    inner_from, inner_to = target_points[60:68], shape[60:68]
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(inner_to * 16).astype(np.int32)], 255, shift=4)
    if not mask.any():
        return warped
    fit = _axis_fit(inner_from, inner_to)
    inside = cv2.warpAffine(target, fit, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, size / 256)).astype(np.float32)[..., None] / 255
    return warped + soft * (inside - warped)


def _axis_fit(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scale and shift along x and y that bring the box of points `a` onto that of `b`, (2, 3)."""
    scale = np.ptp(b, axis=0) / np.maximum(np.ptp(a, axis=0), 0.5)
    shift = b.mean(axis=0) - scale * a.mean(axis=0)
    return np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float32)


def _swap_mask(shape: np.ndarray, target_points: np.ndarray, unlike_skin: np.ndarray) -> np.ndarray:
    """Soft mask float32 (size, size): the target's face without its rim and without hair over the forehead."""
    size = len(unlike_skin)
    outline = np.concatenate([target_points[:17], with_forehead(shape)[68:], with_forehead(target_points)[68:]])
    mask: np.ndarray = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, convex(outline), 255)
    edge = max(2, round(0.035 * size))
    mask = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1)))
    mask[:2], mask[-2:], mask[:, :2], mask[:, -2:] = 0, 0, 0, 0

    # Above the brows, of both faces, only what looks like skin in both pictures is swapped.
    features = feature_zone(np.concatenate([shape[17:27], target_points[17:27]]), size, size, 0.04 * size)
    keep = cv2.GaussianBlur(np.maximum(features, 1 - unlike_skin), (0, 0), 0.02 * size)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.6 * edge) * keep


def _match_rim(warped: np.ndarray, target: np.ndarray, mask: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Multiply by the smooth field that takes the difference to the target away along the mask's rim.

    A cheap relative of Poisson blending; as a gain instead of an offset it leaves dark eyes dark. Only skin on skin
    counts (`skin`, 0 to 1): a beard or a strand of hair at the rim says nothing about the light.
    """
    size = len(target)
    weight = 4 * mask * (1 - mask) * skin
    lack = np.log((target.astype(np.float32) + 16) / (warped + 16)).clip(-0.5, 0.5) * weight[..., None]
    lack, weight = (cv2.resize(v, (32, 32), interpolation=cv2.INTER_AREA) for v in (lack, weight))
    lack, weight = cv2.GaussianBlur(lack, (0, 0), 2.5), cv2.GaussianBlur(weight, (0, 0), 2.5)
    gain = np.exp(lack / (weight[..., None] + 0.02))
    return np.minimum(warped * cv2.resize(gain, (size, size), interpolation=cv2.INTER_LINEAR), 255)


def _blend_back(
    target: np.ndarray, face: np.ndarray, mask: np.ndarray, affine: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The working crop into the target image; the mask comes along."""
    height, width = target.shape[:2]
    back = invert_affine(affine)
    scale = float(np.sqrt(np.linalg.det(back[:, :2])))
    # A crop no larger than the working crop: its pixels are means of finer ones, since linear steps between the working crop's would blur.
    fine = max(1, round(1.5 / scale)) if max(height, width) <= len(face) else 1
    if fine > 1:
        back = back * np.float32(fine)
        back[:, 2] += (fine - 1) / 2
    elif scale < 0.75:  # shrinking: to half its size first, by area
        half = len(face) // 2
        face, mask = (cv2.resize(v, (half, half), interpolation=cv2.INTER_AREA) for v in (face, mask))
        back = back @ np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]], np.float32)
    extent, how = (width * fine, height * fine), cv2.INTER_CUBIC if fine > 1 else cv2.INTER_LINEAR
    mask = cv2.warpAffine(mask, back, extent, flags=cv2.INTER_LINEAR)
    face = cv2.warpAffine(face, back, extent, flags=how, borderMode=cv2.BORDER_REPLICATE)
    if fine > 1:
        face, mask = (cv2.resize(v, (width, height), interpolation=cv2.INTER_AREA) for v in (face, mask))
        mask[mask < _LEAST_WEIGHT] = 0
    blended = target + mask[..., None] * (face - target)
    return np.clip(np.rint(blended), 0, 255).astype(np.uint8), mask
