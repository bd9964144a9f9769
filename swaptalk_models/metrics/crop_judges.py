"""Landmarks and identities of aligned crops: the face is where the alignment put it, so nothing has to be searched for."""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.detection import make_backend
from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.metrics.dlib_judge import identity_embeddings
from swaptalk_models.settings.data import FacesConfig

_SIDE = 256  # px; dlib's landmarks are steadier on a face of this size


def crop_landmarks(
    crops: np.ndarray, around: np.ndarray | None = None, config: FacesConfig = FacesConfig()
) -> np.ndarray:
    """Landmarks (T, 68, 2) float32, in pixels of the crop, of crops (T, S, S, 3) uint8.

    `around`: landmarks (68, 2) of a typical face of these crops, which say where to look; the template's without them.
    """
    backend = make_backend(config)
    scale = _SIDE / crops.shape[1]
    points = template_landmarks(_SIDE) if around is None else _scaled(around, scale)
    # The frontal detector's box spans brows to chin.
    box = np.array([points[:, 0].min(), points[17:27, 1].min(), points[:, 0].max(), points[8, 1]], np.float32)
    found = [backend.landmarks(_magnified(crop), box) for crop in crops]
    return _scaled(np.stack(found).astype(np.float32), 1 / scale)


def crop_openings(crops: np.ndarray, around: np.ndarray | None = None) -> np.ndarray:
    """Mouth opening (T,), as a share of the eyes' distance, of crops (T, S, S, 3) uint8; ``around`` as in ``crop_landmarks``."""
    return mouth_opening(crop_landmarks(crops, around))


def crop_identities(crops: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Embeddings (N, 128) of the identity judge, unit length, of crops (N, S, S, 3) uint8 with landmarks (N, 68, 2) in their pixels."""
    return identity_embeddings([_magnified(crop) for crop in crops], _scaled(landmarks, _SIDE / crops.shape[1]))


def _scaled(points: np.ndarray, scale: float) -> np.ndarray:
    """Points in the pixels of a picture that many times as large: whole coordinates are centres of pixels."""
    return (points + 0.5) * np.float32(scale) - np.float32(0.5)


def _magnified(crop: np.ndarray) -> np.ndarray:
    return cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
