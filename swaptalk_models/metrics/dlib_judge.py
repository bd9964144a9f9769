"""The judge of identity: dlib's face recogniser, a ResNet that nothing here is ever trained against."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import dlib
import numpy as np

from swaptalk_models.data.faces.detection import SURE, DlibBackend, dlib_weights

DLIB_JUDGE = "dlib_face_recognition_resnet_v1"
"""Name under which figures by this judge are reported."""

EMBEDDING = 128
_CHIP = 150  # px: the recogniser's input
_PADDING = 0.25  # of the chip, around the face: what the recogniser was trained with


@lru_cache(maxsize=1)
def _recogniser() -> Any:
    return dlib.face_recognition_model_v1(dlib_weights("dlib_face_recognition_resnet_model_v1.dat"))


def identity_embeddings(
    images: Sequence[np.ndarray], landmarks: np.ndarray | Sequence[np.ndarray] | None = None
) -> np.ndarray:
    """Identity embeddings float32 (N, 128) of unit length; their dot product is the cosine similarity.

    `images`: uint8 RGB (H, W, 3) each, sizes may differ. `landmarks`: (68, 2) in pixels for each image; without them
    the largest face is looked for, and an image without a face gives a row of NaN. About 0.1 s a face on a CPU core.
    """
    embeddings = np.full((len(images), EMBEDDING), np.nan, np.float32)
    for i, image in enumerate(images):
        points = landmarks[i] if landmarks is not None else _find_landmarks(image)
        if points is not None:
            embeddings[i] = _embed(np.ascontiguousarray(image), np.asarray(points))
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def face_chip(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The aligned face that the recogniser sees, uint8 (150, 150, 3)."""
    points = dlib.points([dlib.point(round(float(x)), round(float(y))) for x, y in landmarks])
    (x0, y0), (x1, y1) = landmarks.min(axis=0).astype(int), landmarks.max(axis=0).astype(int)
    shape = dlib.full_object_detection(dlib.rectangle(int(x0), int(y0), int(x1), int(y1)), points)
    return dlib.get_face_chip(image, shape, _CHIP, _PADDING)


def _embed(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return np.array(_recogniser().compute_face_descriptor(face_chip(image, landmarks)), np.float32)


def _find_landmarks(image: np.ndarray) -> np.ndarray | None:
    backend = DlibBackend()
    found = [d for d in backend.detect(image) if d.score >= SURE]
    if not found:
        return None
    return backend.landmarks(image, max(found, key=lambda d: float(np.prod(d.box[2:] - d.box[:2]))).box)
