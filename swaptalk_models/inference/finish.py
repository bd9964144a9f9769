"""The finishing step of a video: made crops enlarged to the size that the face has in the frames, with the source's own
detail."""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.classical.detail import SourceDetail, add_detail
from swaptalk_models.classical.hair import bare_face
from swaptalk_models.classical.light import Light, relight_to
from swaptalk_models.classical.lips import MOUTH, add_lips
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
        self._picture, self._detail = lit, SourceDetail.of(lit, points, grid)

    def on(
        self, face: np.ndarray, number: int, mouth: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A made crop (S, S, 3) uint8 of the target's frame ``number`` as ``paste_face`` takes it: the crop, larger and
        with detail, its affine (2, 3) and the landmarks (68, 2) in it.

        Args:
            mouth: (20, 2) the contours of the lips that were made, in the crop's pixels, steadied over time: the source's own lips are bent onto them.
                None: the lips stay as they were made.
        """
        size = self._detail.size
        large = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
        detailed = add_detail(large, self._detail, self._steady[number], self._neutral)
        if mouth is not None:
            shape = destination_shape(self._detail.landmarks, self._steady[number], self._neutral)
            scale = np.float32(size / len(face))
            shape[MOUTH] = scale * mouth + (scale - 1) / 2
            detailed = add_lips(detailed, self._picture, self._detail.landmarks, shape)
        return detailed, self._affines[number], self._landmarks[number]
