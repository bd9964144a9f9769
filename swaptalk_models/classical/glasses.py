"""A target's glasses: whether it wears any, and where their frame is.

They belong to the head and not to the face, which is swapped: cut off where the new face begins, stubs of their temples are left beside it. So the frame
stays before the new face, as a hand does (occlusion.py); what is seen through the lenses is the new face's.

    where        dark lines that are there in most pictures of the face: the black top-hat, closing less picture (Serra 1982), of the
                 logarithm of brightness, its median over aligned pictures; of these what hangs together with the bridge or the temples
    how far      the same top-hat of each frame, at the frame's own resolution, against the clip's own contrast: weights are continuous in the
                 picture, so that nothing flickers

Glasses are told by their bridge: a dark line all across the root of the nose, which no bare face has.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.classical.occlusion import Occlusion
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face, template_landmarks
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.looks import LOOK
from swaptalk_models.settings.data import CropsConfig

_CROP = CropsConfig(size=2 * LOOK.size, margin=LOOK.margin, smooth_frames=0)
_SIDE = _CROP.size
_OFFSET = 16.0  # grey levels added before the logarithm: below them there is noise
_EYES = float(np.ptp(template_landmarks(_SIDE, _CROP.margin)[[36, 39, 42, 45], 0].reshape(2, 2).mean(axis=1)))
"""px: distance of the eyes in an aligned crop. The lengths below are in shares of it."""
_THICK = 0.2  # no part of a frame is thicker
_LINE = (0.35, 0.15)  # above and below the eyes' line: there are bridge and temples
_WHOLE = (0.36, 0.75)  # the same of all of the frame
_BESIDE = 0.32  # beyond the eyes' corners: as far as that lenses reach
_LIDS = 0.07  # around an eye: its lashes are no frame
_OFTEN = 0.65  # quantile over the pictures, in which a thin line never lies quite alike
_SLIP = 0.06  # by which a frame may lie beside where it usually is
_UPPER = [0, 1, 15, 16, 27, 28, *range(36, 48)]
_MIRRORED = [16, 15, 1, 0, 27, 28, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
"""Landmarks at the height of glasses, and their counterparts."""
# Contrasts, in natural logs of brightness.
_BRIDGE = 0.33  # of a bridge for certain: dark frames have 0.38 and more, 65 bare faces 0.25 at the most
_FINE = 0.18  # of a thin one, if both temples are seen as well
_SURE = 0.2  # share of the bridge's contrast from which a line is the frame's
_DARK = (0.17, 0.42)  # shares between which a pixel becomes the frame's


class Glasses:
    """Where a target's glasses are."""

    def __init__(self, usual: np.ndarray, contrast: float, fine: int) -> None:
        """
        Args:
            usual: (S, S) float32, 0 to 1: where their frame is in an aligned crop.
            contrast: of their bridge, in natural logs of brightness.
            fine: pixels of the video that one of a look is of, a side.
        """
        self._usual, self._contrast, self._fine = usual, contrast, fine

    @classmethod
    def of(cls, track: FaceTrack) -> Glasses | None:
        """From the looks that a track has; None: no glasses are seen."""
        if not len(track.looks):
            return None
        points = track.landmarks[track.looked_at]
        affines = np.stack([crop_affines(one[None], _CROP)[0] for one in points])
        landmarks = np.median(apply_affine(points, affines), axis=0)
        enlarged = [cv2.resize(look, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) for look in track.looks]
        lines = np.quantile([_dark_lines(look) for look in enlarged], _OFTEN, axis=0)
        contrast = _contrast(lines, landmarks)
        if contrast is None:
            return None
        scale = float(np.median(np.sqrt(np.linalg.det(affines[:, :, :2])))) * LOOK.size / _SIDE
        return cls(_frame(lines, landmarks, contrast), contrast, int(np.clip(round(1 / scale), 1, 4)))

    def before(self, image: np.ndarray, affine: np.ndarray) -> Occlusion:
        """Their frame in a frame of the video (H, W, 3) uint8.

        Args:
            affine: (2, 3), from there to the pixels of a look.
        """
        to_crop = affine * np.float32(self._fine)
        to_crop[:, 2] += (self._fine - 1) / 2  # whole coordinates are centres of pixels
        size = self._fine * LOOK.size
        lines = _dark_lines(crop_face(image, to_crop, size))
        low, high = (share * self._contrast for share in _DARK)
        usual = cv2.resize(self._usual, (size, size), interpolation=cv2.INTER_LINEAR)
        return Occlusion(usual * np.clip((lines - low) / (high - low), 0, 1), to_crop, 0.0)


def wears_glasses(image: np.ndarray, landmarks: np.ndarray) -> bool:
    """Whether a face in a picture (H, W, 3) uint8 with landmarks (68, 2) wears glasses with a frame that is seen."""
    affine = crop_affines(landmarks[None], _CROP)[0]
    return _contrast(_dark_lines(crop_face(image, affine, _SIDE)), apply_affine(landmarks, affine)) is not None


def _dark_lines(crop: np.ndarray) -> np.ndarray:
    """(S, S) float32: how much darker than what is beside it a line is, in natural logs; from an aligned crop (S, S, 3) of any size."""
    bright = np.log(crop.astype(np.float32).mean(axis=2) + _OFFSET)
    return cv2.morphologyEx(bright, cv2.MORPH_CLOSE, _disc(0.5 * _THICK * _EYES * len(crop) / _SIDE)) - bright


def _contrast(lines: np.ndarray, landmarks: np.ndarray) -> float | None:
    """Of a bridge, from ``_dark_lines`` of a crop of side ``_SIDE`` with landmarks (68, 2); None where there is none."""
    gap = landmarks[42, 0] - landmarks[39, 0]
    bridge = _least(lines, landmarks, landmarks[39, 0] + 0.2 * gap, landmarks[42, 0] - 0.2 * gap)
    temples = [
        _least(lines, landmarks, *sorted((eye[0] + side * 0.15 * _EYES, ear[0] - side * 0.03 * _EYES)))
        for eye, ear, side in ((landmarks[36], landmarks[0], -1), (landmarks[45], landmarks[16], 1))
    ]
    return bridge if bridge > _BRIDGE or min(bridge, *temples) > _FINE else None


def _least(lines: np.ndarray, landmarks: np.ndarray, left: float, right: float) -> float:
    """Contrast of a line that goes from ``left`` to ``right`` at the height of the eyes: what nine of ten columns have; 0 where there is no room."""
    top, bottom = _rows(landmarks, _LINE)
    part = lines[top:bottom, max(round(left), 0) : max(round(right), 0)]
    return float(np.quantile(part.max(axis=0), 0.1)) if part.shape[1] > 2 and len(part) else 0.0


def _frame(lines: np.ndarray, landmarks: np.ndarray, contrast: float) -> np.ndarray:
    """(S, S) float32, 0 to 1: the frame and a little beside it."""
    zone = np.zeros(lines.shape, np.uint8)
    left, inner, other, right = (round(float(landmarks[number, 0])) for number in (36, 39, 42, 45))
    beside, (top, bottom) = round(_BESIDE * _EYES), _rows(landmarks, _WHOLE)
    zone[top:bottom, max(left - beside, 0) : right + beside] = 1
    top, bottom = _rows(landmarks, _LINE)
    zone[top:bottom] = 1
    eyes = np.zeros(lines.shape, np.uint8)
    for eye in (landmarks[36:42], landmarks[42:48]):
        cv2.fillConvexPoly(eyes, cv2.convexHull(np.round(eye).astype(np.int32)), 1)
    zone[cv2.dilate(eyes, _disc(_LIDS * _EYES)) > 0] = 0
    _, pieces = cv2.connectedComponents((lines > _SURE * contrast).astype(np.uint8) * zone)
    line = pieces[top:bottom]
    seeds = np.concatenate([line[:, :left], line[:, inner:other], line[:, right:]], axis=1)
    kept = np.isin(pieces, seeds[seeds > 0]).astype(np.float32)
    # One half may be pale before bright skin: where the other half is, mirrored, it is looked for as well.
    known = np.concatenate([landmarks[_UPPER], np.ones((len(_UPPER), 1))], axis=1)
    there = np.linalg.lstsq(known, landmarks[_MIRRORED], rcond=None)[0].T
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    kept = np.maximum(kept, cv2.warpAffine(kept, there, (_SIDE, _SIDE), flags=flags))
    kept = cv2.dilate(kept, _disc(_SLIP * _EYES)) * zone
    return cv2.GaussianBlur(kept, (0, 0), 0.5 * _SLIP * _EYES)


def _rows(landmarks: np.ndarray, reach: tuple[float, float]) -> tuple[int, int]:
    """From ``reach`` above the eyes' line to as far below it."""
    line = float(landmarks[36:48, 1].mean())
    return max(round(line - reach[0] * _EYES), 0), max(round(line + reach[1] * _EYES), 0)


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
