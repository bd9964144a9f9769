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
    points = template_landmarks(_SIDE) if around is None else around * (_SIDE / crops.shape[1])
    # The frontal detector's box spans brows to chin.
    box = np.array([points[:, 0].min(), points[17:27, 1].min(), points[:, 0].max(), points[8, 1]], np.float32)
    found = [backend.landmarks(_magnified(crop), box) for crop in crops]
    return np.stack(found).astype(np.float32) * np.float32(crops.shape[1] / _SIDE)


def crop_openings(crops: np.ndarray, around: np.ndarray | None = None) -> np.ndarray:
    """Mouth opening (T,), as a share of the eyes' distance, of crops (T, S, S, 3) uint8; ``around`` as in ``crop_landmarks``."""
    return mouth_opening(crop_landmarks(crops, around))


def crop_identities(crops: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Embeddings (N, 128) of the identity judge, unit length, of crops (N, S, S, 3) uint8 with landmarks (N, 68, 2) in their pixels."""
    return identity_embeddings([_magnified(crop) for crop in crops], landmarks * (_SIDE / crops.shape[1]))


def _magnified(crop: np.ndarray) -> np.ndarray:
    return cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
