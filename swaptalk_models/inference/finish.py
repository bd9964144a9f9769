"""The finishing step of a video: made crops enlarged to the size that the face has in the frames, with the source's own
detail."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from swaptalk_models.classical.beard import trimmed
from swaptalk_models.classical.detail import SourceDetail, add_detail
from swaptalk_models.classical.hair import bare_face
from swaptalk_models.classical.light import Light, relight_to
from swaptalk_models.classical.lips import MOUTH, add_lips, bend_mouth
from swaptalk_models.classical.mouth_inside import OPEN, MouthInside, parted
from swaptalk_models.classical.warp_swap import destination_shape, neutral_landmarks
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face, smooth_landmarks
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.settings.data import CropsConfig

LARGEST = 768
"""px: side of the largest crop that detail is made for; time goes with its square."""
_STEADY = 1.5
"""Sigma (frames) of the zero-lag Gaussian over the landmarks: at 1.5 the detail moves against the head less than a real
video's own grain and compression do (0.21 of its size from frame to frame, against 0.39 and 0.58 on two real heads;
0.44 and 0.64 without)."""


class Spoken(NamedTuple):
    """A mouth as lip-sync has made it."""

    crop: np.ndarray
    """(S, S, 3) uint8, the face that was made."""
    found: np.ndarray
    """(68, 2) its landmarks, in its pixels, steadied over time."""
    shown: np.ndarray
    """(68, 2) the same of the face that is shown: where its mouth is now."""
    wanted: np.ndarray
    """(20, 2) where its lips are to be."""


class Finish:
    """Puts one source's detail on the crops of one target."""

    def __init__(
        self,
        picture: np.ndarray,
        landmarks: np.ndarray,
        light: Light,
        track: FaceTrack,
        affines: np.ndarray,
        crops: CropsConfig,
        grid: int,
    ) -> None:
        """
        Args:
            picture, landmarks: the source at its own resolution (H, W, 3) uint8, and (68, 2) in its pixels.
            light: of the target.
            track, affines: the target's face and its crops' affines (T, 2, 3), from frame to crop pixels.
            grid: latent cells across a crop.
        """
        seen = track.confidence > 0
        # of the crop, in the frame's pixels
        side = crops.size / float(np.median(np.sqrt(np.linalg.det(affines[seen][..., :2]))))
        size = int(np.clip(16 * np.ceil(side / 16), crops.size, max(LARGEST, crops.size)))
        scale = np.float32(size / crops.size)
        self._affines = affines * scale
        self._affines[..., 2] += (scale - 1) / 2  # whole coordinates are centres of pixels
        self._landmarks = apply_affine(track.landmarks, self._affines)
        self._steady = smooth_landmarks(self._landmarks, _STEADY)
        self._neutral = neutral_landmarks(track.landmarks[seen])
        affine = crop_affines(landmarks[None], CropsConfig(size=size, margin=crops.margin, smooth_frames=0))[0]
        points = apply_affine(landmarks, affine)
        lit = bare_face(relight_to(crop_face(picture, affine, size), points, light), points)
        lit = trimmed(lit, points)
        self._picture, self._detail = lit, SourceDetail.of(lit, points, grid)
        self._inside: MouthInside | None = None

    def take_teeth(self, frame: np.ndarray, number: int) -> None:
        """Use what is between the lips of the target's frame ``number`` (H, W, 3) uint8; if they are not parted there, of the source's picture;
        if they are not there either, of what was made.
        """
        size = self._detail.size
        if parted(self._landmarks[number][None])[0] >= OPEN:
            self._inside = MouthInside(crop_face(frame, self._affines[number], size), self._landmarks[number])
        elif parted(self._detail.landmarks[None])[0] >= OPEN:
            self._inside = MouthInside(self._picture, self._detail.landmarks)

    def on(
        self, face: np.ndarray, number: int, spoken: Spoken | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A made crop (S, S, 3) uint8 of the target's frame ``number`` as ``paste_face`` takes it: the crop, larger and
        with detail, its affine (2, 3) and the landmarks (68, 2) in it.

        Args:
            spoken: the mouth that it is to have. None: it has it.
        """
        large = self._enlarged(face)
        detailed = add_detail(large, self._detail, self._steady[number], self._neutral)
        if spoken is not None:
            detailed = self._speaking(detailed, number, spoken)
        return detailed, self._affines[number], self._landmarks[number]

    def _speaking(self, face: np.ndarray, number: int, spoken: Spoken) -> np.ndarray:
        """A face (R, R, 3) with the source's own lips as they were spoken."""
        scale = np.float32(self._detail.size / len(spoken.crop))
        found, shown, wanted = (scale * points + (scale - 1) / 2 for points in spoken[1:])
        before = destination_shape(self._detail.landmarks, self._steady[number], self._neutral)
        before[MOUTH] = shown[MOUTH]
        after = before.copy()
        after[MOUTH] = wanted
        bent = bend_mouth(face, before, after)
        inside = self._inside or MouthInside(self._enlarged(spoken.crop), found)
        return inside.put(add_lips(bent, self._picture, self._detail.landmarks, after), after)

    def _enlarged(self, face: np.ndarray) -> np.ndarray:
        size = self._detail.size
        return cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
