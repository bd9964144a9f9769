"""All faces of a picture, numbered: 1 is the largest and most central."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.faces.detection import SURE, Detection, Face, box_overlap, make_backend
from swaptalk_models.settings.data import FacesConfig

_SMALLEST = 0.2  # of the largest face's width: smaller ones are of a crowd
_SAME = 0.3  # overlap from which two boxes are of one face, as they are where one's centre lies in the other


def faces_of(image: np.ndarray, config: FacesConfig) -> list[Face]:
    """Faces of an image (H, W, 3) uint8 RGB, the most prominent first; none smaller than a fifth of the largest.

    Looked for twice, at the usual size and at twice that: beside a large face a detector passes over small ones.
    """
    backend = make_backend(config)
    larger = make_backend(FacesConfig(**{**vars(config), "detect_height": 2 * config.detect_height}))
    found: list[Detection] = []
    for detection in (*backend.detect(image), *larger.detect(image)):
        if detection.score >= SURE and not any(_same(detection.box, known.box) for known in found):
            found.append(detection)
    if not found:
        return []
    widest = max(_width(one.box) for one in found)
    faces = []
    for one in sorted(found, key=lambda one: -prominence(one.box, image.shape)):
        if _width(one.box) < _SMALLEST * widest:
            continue
        # A second pass from the box of the first landmarks: detectors' boxes come in coarse steps.
        landmarks = backend.landmarks(image, backend.box_around(backend.landmarks(image, one.box)))
        faces.append(Face(backend.box_around(landmarks), landmarks, one.score))
    return faces


def prominence(box: np.ndarray, shape: tuple[int, ...]) -> float:
    """Box area in square pixels, halved at the frame's rim: the speaker is the largest and most central face."""
    height, width = shape[:2]
    off = np.abs((box[:2] + box[2:]) / 2 / np.array([width, height], np.float32) - 0.5).max() * 2
    return float(np.prod(box[2:] - box[:2])) * (1 - 0.5 * min(float(off), 1.0))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    middle = (one[:2] + one[2:]) / 2
    return box_overlap(one, other) > _SAME or bool((middle > other[:2]).all() and (middle < other[2:]).all())


def _width(box: np.ndarray) -> float:
    return float(box[2] - box[0])
