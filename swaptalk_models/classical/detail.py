"""The finishing step: a made face gets the source's own detail, at the resolution of the target video.

    low band                    what the networks made: identity's proportions, pose, expression, light
    high band                   the source picture, brought into the target's light and bent into its pose by landmarks
    mouth                       the networks' in both bands: its lips are held otherwise than the source's (lips.py bends those)

Networks of 64 px say nothing beyond 64 px, and what lies within a latent cell they say badly; the source picture has
it. Frequencies are divided as in multi-band blending (Burt and Adelson 1983), at half the side of a latent cell.
Nothing is trained.

Detail is added only where it is known to fit: not where the bent picture folds or is stretched, not where its low band
is unlike the made face's (a hand, a strand of hair, an eye that looks elsewhere), and it fades at the rim. All weights
are smooth in the landmarks, so that a steady video stays steady.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from swaptalk_models.classical.skin import with_forehead
from swaptalk_models.classical.warp_swap import destination_shape, face_triangles

CUT = 0.5
"""Standard deviation of the low-pass filter, in sides of a latent cell: the step between two cells is in the high band,
and goes."""

_CELLS = 72  # warp and weights are reckoned on a grid of about this many points a side, and enlarged
_ROOM = 0.08  # of the size of the mouth: room around the lips, which move otherwise than the target's own
_MAGNIFIED, _SQUEEZED = (0.2, 0.45), (1.7, 2.8)  # the warp's local scales between which detail fades
_SHRUNK = (0.03, 0.25)  # a triangle's area over that in the source
_UNLIKE = 22.0  # grey levels between the low bands at which half of the detail is left
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class SourceDetail:
    """A source picture split into bands, once for a video."""

    high_RR3: np.ndarray
    """(R, R, 3) float32, what the low-pass filter takes off, in grey levels."""
    low_RR: np.ndarray
    """(R, R) float32, brightness of the low band, without what is broader than the features of a face."""
    landmarks: np.ndarray
    """(68, 2) float32, in pixels of the bands."""
    sigma: float
    """Standard deviation (px) of the low-pass filter."""

    @classmethod
    def of(cls, crop: np.ndarray, landmarks: np.ndarray, grid: int) -> SourceDetail:
        """From an aligned crop (R, R, 3) uint8 of the source, in the target's light and at the resolution of the
        output.

        Args:
            landmarks: (68, 2) in its pixels.
            grid: latent cells across the crop.
        """
        sigma = CUT * len(crop) / grid
        low = low_band(crop, sigma)
        return cls(crop - low, _features(low @ _LUMA), np.asarray(landmarks, np.float32), sigma)

    @property
    def size(self) -> int:
        """R: side (px) of the crops that the detail is for."""
        return len(self.high_RR3)


def low_band(image: np.ndarray, sigma: float) -> np.ndarray:
    """(R, R, 3) uint8 or float32 after a Gaussian of ``sigma`` px, float32; wide ones are reckoned on an image made
    smaller."""
    step = max(1, int(sigma / 2))
    if step == 1:
        return cv2.GaussianBlur(image.astype(np.float32), (0, 0), max(sigma, 0.1), borderType=cv2.BORDER_REPLICATE)
    height, width = image.shape[:2]
    small: np.ndarray = cv2.resize(image, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    # the mean of `step` pixels has spread already, and so has linear interpolation
    rest = np.sqrt(max((sigma / step) ** 2 - 1 / 12 - 1 / 6, 0.01))
    small = cv2.GaussianBlur(small, (0, 0), rest, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def add_detail(
    face: np.ndarray, detail: SourceDetail, landmarks: np.ndarray, neutral: np.ndarray | None = None
) -> np.ndarray:
    """A made face with the source's high band, (R, R, 3) uint8.

    Args:
        face: (R, R, 3) uint8, the networks' crop enlarged to the size of the detail.
        landmarks: (68, 2) of the target's face in its pixels, steadied over time.
        neutral: (68, 2) the target's resting shape (``neutral_landmarks``).

    Raises:
        ValueError: the face is not as large as the detail.
    """
    if face.shape != detail.high_RR3.shape:
        raise ValueError(
            f"a face of {face.shape[1]} x {face.shape[0]} px and detail for {detail.size} px: enlarge the face first"
        )
    landmarks = np.asarray(landmarks, np.float32)
    shape = destination_shape(detail.landmarks, landmarks, neutral)
    low = low_band(face, detail.sigma)
    place_gg2, weight_gg = _coarse(detail, low, shape, landmarks)
    place, weight = (
        cv2.resize(v, (detail.size, detail.size), interpolation=cv2.INTER_LINEAR) for v in (place_gg2, weight_gg)
    )
    high = cv2.remap(detail.high_RR3, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)  # type: ignore[call-overload]  # the stub wants two maps
    # face + weight * (low + high - face), with few temporary pictures: they take longer to allocate than to fill
    change = cv2.subtract(cv2.add(low, high, dst=high), face, dst=high, dtype=cv2.CV_32F)
    change = cv2.multiply(change, cv2.merge([weight] * 3), dst=change)
    return cv2.add(face, change, dtype=cv2.CV_8U)


def detail_weight(
    detail: SourceDetail, face: np.ndarray, landmarks: np.ndarray, neutral: np.ndarray | None = None
) -> np.ndarray:
    """What ``add_detail`` weighs the source's high band with, (R, R) float32, 0 to 1."""
    landmarks = np.asarray(landmarks, np.float32)
    shape = destination_shape(detail.landmarks, landmarks, neutral)
    _, weight = _coarse(detail, low_band(face, detail.sigma), shape, landmarks)
    return cv2.resize(weight, (detail.size, detail.size), interpolation=cv2.INTER_LINEAR)


def _features(bright: np.ndarray) -> np.ndarray:
    """A square picture's brightness without what is broader than an eye: without light."""
    small = cv2.resize(bright, (24, 24), interpolation=cv2.INTER_AREA)
    broad = cv2.GaussianBlur(small, (0, 0), 0.1 * 24, borderType=cv2.BORDER_REPLICATE)
    return bright - cv2.resize(broad, bright.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _coarse(
    detail: SourceDetail, low: np.ndarray, shape: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """On a coarse grid: each point's place in the source, (g, g, 2) in its pixels; and its detail's weight, (g, g)."""
    side = min(_CELLS, detail.size)
    step = detail.size / side
    to_grid = np.float32(1 / step)
    points = (with_forehead(shape) + 0.5) * to_grid - 0.5  # whole coordinates are centres of cells, as of pixels
    place, unfolded = _bent(with_forehead(detail.landmarks), points, side, step)
    weight = _face_weight((landmarks + 0.5) * to_grid - 0.5, points, side) * _fits(place, step) * unfolded
    made = _features(cv2.resize(low @ _LUMA, (side, side), interpolation=cv2.INTER_AREA))
    given = cv2.remap(detail.low_RR, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)  # type: ignore[call-overload]  # the stub wants two maps
    unlike = cv2.GaussianBlur(np.abs(made - given), (0, 0), 1.0) / _UNLIKE
    return place, weight / (1 + unlike**4)


def _bent(source_points: np.ndarray, points: np.ndarray, side: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """The piecewise affine map from grid points to source pixels, (g, g, 2), its creases smoothed; and (g, g) from 1 to
    0 where triangles shrink to nothing and turn over, and so lie on others.
    """
    triangles = face_triangles()
    corners = np.round(points[triangles] * 16).astype(np.int32)
    owner = np.full((side, side), len(triangles), np.int32)
    for number, triangle in enumerate(corners):
        cv2.fillConvexPoly(owner, triangle, number, shift=4)
    there = np.concatenate([points[triangles], np.ones((*triangles.shape, 1), np.float32)], axis=2).astype(np.float64)
    area = np.linalg.det(there)
    there[np.abs(area) < 1e-3] = np.eye(3)
    affines = np.linalg.inv(there) @ source_points[triangles]
    # Outside, and between the lips, the one affine map that fits all points best.
    whole, *_ = np.linalg.lstsq(np.concatenate([points, np.ones((len(points), 1))], axis=1), source_points, rcond=None)
    lookup = np.concatenate([affines, whole[None]]).astype(np.float32)[owner]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    place = lookup[..., 0, :] * x[..., None] + lookup[..., 1, :] * y[..., None] + lookup[..., 2, :]

    own_area = np.linalg.det(
        np.concatenate([source_points[triangles], np.ones((*triangles.shape, 1), np.float32)], axis=2)
    )
    good = _ramp(area * step**2 / np.where(np.abs(own_area) < 1e-3, 1e-3, own_area), *_SHRUNK)
    unfolded: np.ndarray = np.ones((side, side), np.float32)
    for bad in sorted(np.flatnonzero(good < 1), key=lambda n: -good[n]):  # where some lie on others the worst counts
        cv2.fillConvexPoly(unfolded, corners[bad], float(good[bad]), shift=4)
    unfolded = cv2.GaussianBlur(cv2.erode(unfolded, np.ones((3, 3))), (3, 3), 0)
    return cv2.GaussianBlur(place, (5, 5), 1.0), unfolded


def _fits(place: np.ndarray, step: float) -> np.ndarray:
    """(g, g) from 1 where the warp is near to a rotation to 0 where it folds, squeezes or magnifies, and beside it."""
    right, down = np.gradient(place, axis=1) / step, np.gradient(place, axis=0) / step  # source pixels a pixel
    determinant = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
    # singular values of the 2 x 2 derivative: their squares have this sum and product
    half = 0.5 * (np.square(right) + np.square(down)).sum(axis=-1)
    root = np.sqrt(np.maximum(half * half - determinant * determinant, 0))
    largest, smallest = np.sqrt(half + root), np.sqrt(np.maximum(half - root, 0))
    good = _ramp(smallest, *_MAGNIFIED) * (1 - _ramp(largest, *_SQUEEZED)) * (determinant > 0)
    return cv2.GaussianBlur(cv2.erode(good.astype(np.float32), np.ones((3, 3))), (3, 3), 0)


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _face_weight(target: np.ndarray, points: np.ndarray, side: int) -> np.ndarray:
    """(g, g) 1 on the face, fading inwards at its rim, and 0 on the mouth, which is drawn large; all in grid points."""
    eyes = max(float(np.linalg.norm(target[36:42].mean(axis=0) - target[42:48].mean(axis=0))), 1.0)
    fade = max(1, round(0.06 * eyes))
    half_way_up = 0.5 * (points[68:78] + points[17:27])
    mask = _filled(np.concatenate([target[:17], half_way_up]), side)
    mask[0], mask[-1], mask[:, 0], mask[:, -1] = 0, 0, 0, 0
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * fade + 5,) * 2)  # the blur's reach, and enlarging's
    mask = cv2.GaussianBlur(cv2.erode(mask, kernel, borderValue=0), (2 * fade + 1,) * 2, 0)
    mouth = _filled(mouth_outline(target, points), side)
    return mask * (1 - cv2.GaussianBlur(cv2.dilate(mouth, kernel), (2 * fade + 1,) * 2, 0))


def _filled(points: np.ndarray, side: int) -> np.ndarray:
    """The convex hull of points (N, 2), (side, side) float32, 0 to 1 at its edge: in whole cells weights would jump."""
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points * 16).astype(np.int32)), 255, cv2.LINE_AA, shift=4)
    return mask.astype(np.float32) / 255


def mouth_outline(target: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Points around the mouth, wherever its lips may go: the target's and the source's own, with room to the sides and
    towards the chin."""
    lips = np.concatenate([target[48:60], shape[48:60]])
    centre = lips.mean(axis=0)
    lips = centre + (1 + 2 * _ROOM) * (lips - centre)
    # as far as a lower lip drops that the target keeps closed
    down = 0.3 * (target[6:11] - target[[48, 59, 57, 55, 54]])
    return np.concatenate([lips, target[[59, 58, 57, 56, 55]] + down])
