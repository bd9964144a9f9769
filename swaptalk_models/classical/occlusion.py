"""What stands before a face: hand, microphone, glasses that are put on; seen by what differs from the face as it was followed.

What a face looks like where nothing is before it is learned from pictures of it, kept while it was followed: for each
pixel of the aligned face the range of brightness and colour that it shows. A pixel outside of the range of its whole
neighbourhood is none that expression, turn or a slip of the alignment put there. Light is taken off first: in logarithms it adds a
plane over the face, which is fitted robustly. Lids, brows, lips and what is between them change by themselves: there nothing
is suspected, but what is found beside them may reach into them.

What is before the face in most of the pictures counts as a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.looks import LOOK

FEWEST_LOOKS = 5
"""From fewer pictures nothing can be told."""
_OFFSET = 16.0  # grey levels added before the logarithm: below them there is noise
_SCALE = np.array([0.034, 0.02, 0.02], np.float32)
"""Of brightness and of the two colours, in natural logarithms: what a steady face's pixels vary by beyond their range."""
_SEED, _GROW = 2.8, 1.0  # how far outside of the range, in scales, a pixel is suspected; and one beside such a pixel
_SELDOM = 0.15  # of the pictures
_NEAR = 5  # px of a look: side of the neighbourhood
_SMALLEST = 0.012  # of the face: smaller spots are folds, strands, glints
_SIDE = LOOK.size
_Y, _X = (np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) - (_SIDE - 1) / 2) / _SIDE
_PLANE = np.stack([np.ones(_SIDE * _SIDE, np.float32), _X.ravel(), _Y.ravel()], axis=1)


@dataclass(frozen=True)
class Occlusion:
    """What hides a face in one frame."""

    hidden: np.ndarray
    """float32 (S, S), 0 to 1: what is not the face, in the pixels of a look."""
    affine: np.ndarray
    """(2, 3), from frame to look."""
    share: float
    """Of the face, 0 to 1."""


class TypicalFace:
    """What a face looks like where nothing is before it."""

    def __init__(self, looks: np.ndarray, landmarks: np.ndarray) -> None:
        """
        Args:
            looks: (N, S, S, 3) uint8 RGB, N at least ``FEWEST_LOOKS``.
            landmarks: (N, 68, 2) in their pixels.
        """
        hulls = np.stack([_polygon(_outline(points)) for points in landmarks])
        self._face = hulls.mean(axis=0) > 0.5
        core = (hulls.mean(axis=0) > 0.9).astype(np.uint8)
        # How much it takes to be suspected: more along the outline, where hair and what is behind come in.
        self._bar = np.where(cv2.erode(core, _disc(9)) > 0, 1.0, np.where(cv2.erode(core, _disc(3)) > 0, 2.0, np.inf))
        moving = np.stack([_features(points) for points in landmarks]).mean(axis=0) > 0.05
        self._moving = cv2.dilate(moving.astype(np.uint8), _disc(3)) > 0
        self._area = float(self._face.sum())
        values = np.stack([_values(look) for look in looks])
        self._middle = np.median(values, axis=0)
        for _ in range(2):
            values = np.stack([self._relit(value) for value in values])
            self._middle = np.median(values, axis=0)
        # First by the middle alone, then by the range of what passed: what was before the face is not learned.
        self._low, self._high = _around(self._middle, 7)
        self._usual = np.stack([self._middle, self._middle])
        middle = np.stack(_around(self._middle, _NEAR))
        all_ranges = np.stack([_around(value, _NEAR) for value in values])  # (N, 2, S, S, 3)
        few = round(_SELDOM * len(looks))  # what so few pictures alone show may have been before the face
        for _ in range(2):
            ranges = all_ranges.copy()
            for number, (value, points) in enumerate(zip(values, landmarks, strict=True)):
                covered = cv2.dilate(self._found(value, points).astype(np.uint8), _disc(7)) > 0
                ranges[number][:, covered] = middle[:, covered]
            self._low = np.minimum(np.partition(ranges[:, 0], few, axis=0)[few], self._middle)
            self._high = np.maximum(np.partition(ranges[:, 1], -1 - few, axis=0)[-1 - few], self._middle)
            del ranges
        self._usual = np.quantile(values, (0.2, 0.8), axis=0)

    @classmethod
    def of(cls, track: FaceTrack) -> TypicalFace | None:
        """From the looks that a track has; None where these are too few."""
        if len(track.looks) < FEWEST_LOOKS:
            return None
        points = track.landmarks[track.looked_at]
        affines = np.stack([crop_affines(one[None], LOOK)[0] for one in points])
        return cls(track.looks, apply_affine(points, affines))

    def before(self, image: np.ndarray, landmarks: np.ndarray, affine: np.ndarray) -> Occlusion | None:
        """What is before the face in a frame (H, W, 3) uint8 with landmarks (68, 2); None: nothing.

        Args:
            affine: (2, 3), from frame to look.
        """
        points = apply_affine(landmarks, affine)
        found = self._found(self._relit(_values(crop_face(image, affine, _SIDE))), points)
        if not found.any():
            return None
        share = float((found & self._face).sum() / self._area)
        soft = cv2.GaussianBlur(cv2.dilate(found.astype(np.float32), _disc(5)), (0, 0), 1.2)
        return Occlusion(soft, affine, share)

    def _relit(self, value: np.ndarray) -> np.ndarray:
        """The look in the typical light: less the plane, fitted with Tukey's biweight, by which it differs."""
        lack = (self._middle - value).reshape(-1, 3)
        inside = self._face.ravel()
        basis, lack = _PLANE[inside], lack[inside]
        plane = np.zeros((3, 3), np.float32)
        plane[0] = np.median(lack, axis=0)
        for tolerance in (0.6, 0.4, 0.3):
            off = np.abs(lack - basis @ plane).max(axis=1) / tolerance
            weight = np.square(np.clip(1 - off**2, 0, None))[:, None] + 1e-4
            normal = (basis * weight).T @ basis + np.diag([1e-3, 20.0, 20.0]).astype(np.float32)
            plane = np.linalg.solve(normal, (basis * weight).T @ lack).astype(np.float32)
        return value + (_PLANE @ plane).reshape(value.shape)

    def _found(self, value: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """bool (S, S): what is not the face in a look in the typical light."""
        foreign = _beyond(value, value, self._low, self._high)
        lowest, highest = _around(value, 9)
        missing = _beyond(self._usual[0], self._usual[1], lowest, highest)
        moving = self._moving | (cv2.dilate(_features(landmarks), _disc(5)) > 0)
        eyes = cv2.dilate(_eyes(landmarks), _disc(7)) > 0
        suspect = np.maximum(np.where(moving, 0, foreign), np.where(eyes, 0, missing))
        distance = np.maximum(foreign, missing)
        seeds = cv2.morphologyEx((suspect > _SEED * self._bar).astype(np.uint8), cv2.MORPH_OPEN, _disc(3))
        empty = np.zeros(seeds.shape, bool)
        if not seeds.any():
            return empty
        _, labels = cv2.connectedComponents((distance > _GROW).astype(np.uint8))
        sizes = np.bincount(labels[seeds > 0], minlength=labels.max() + 1)
        sizes[0] = 0
        grown = np.isin(labels, np.flatnonzero(sizes >= _SMALLEST * self._area))
        if not grown.any():
            return empty
        closed = cv2.morphologyEx(grown.astype(np.uint8), cv2.MORPH_CLOSE, _disc(13))
        return _filled(closed) > 0


def _values(look: np.ndarray) -> np.ndarray:
    """float32 (S, S, 3): brightness and two colours, as logarithms."""
    red, green, blue = np.moveaxis(np.log(look.astype(np.float32) + _OFFSET), 2, 0)
    return np.stack([(red + green + blue) / 3, red - green, blue - green], axis=2)


def _beyond(lowest: np.ndarray, highest: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far apart two ranges are, in scales: (S, S), 0 where they touch."""
    far = np.maximum(np.maximum(low - highest, lowest - high), 0) / _SCALE
    return cv2.GaussianBlur(np.sqrt((far * far).sum(axis=2)), (0, 0), 0.7)


def _around(value: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The range of each pixel's neighbourhood."""
    return cv2.erode(value, np.ones((side, side))), cv2.dilate(value, np.ones((side, side)))


def _disc(side: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _outline(points: np.ndarray) -> np.ndarray:
    """The face with some of its forehead."""
    eyes = float(np.linalg.norm(points[36:42].mean(axis=0) - points[42:48].mean(axis=0)))
    up = points[27] - points[30]
    up *= 0.35 * eyes / max(float(np.linalg.norm(up)), 1e-6)
    return np.concatenate([points[:17], points[17:27] + up])


def _polygon(points: np.ndarray) -> np.ndarray:
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 1)
    return mask


def _features(points: np.ndarray) -> np.ndarray:
    """uint8 (S, S): brows, eyes and mouth, which move by themselves."""
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    for part in (points[36:42], points[42:48], points[48:60]):
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(part).astype(np.int32)), 1)
    for part in (points[17:22], points[22:27]):
        cv2.polylines(mask, [np.round(part).astype(np.int32)], False, 1, 5)
    return mask


def _eyes(points: np.ndarray) -> np.ndarray:
    """uint8 (S, S): what a blink changes altogether."""
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    for part in (points[36:42], points[42:48]):
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(part).astype(np.int32)), 1)
    return mask


def _filled(mask: np.ndarray) -> np.ndarray:
    """Without holes."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(mask), contours, -1, 1, cv2.FILLED)
