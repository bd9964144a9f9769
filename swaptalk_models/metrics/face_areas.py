"""Which pixel of an aligned crop is skin, brow, eye, nose or lip: what the picture figures are taken over.

The labels are those of `data/regions.py`, found at a quarter of the crop's size and brought up to it: landmarks are no
nearer than that.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.faces.regions import REGIONS, region_labels

SKIN, NOSE, LIP = (REGIONS.index(name) for name in ("skin", "nose", "lip"))
_SHARE = 4  # px of the crop for one of the label map
_SMALLEST = 32  # cells: below it brows and lips run together


def face_areas(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Labels uint8 (size, size), indices into `REGIONS` (0 is no face), from landmarks (68, 2) in px of a crop."""
    labels = region_labels(landmarks, size, max(_SMALLEST, size // _SHARE))
    return cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
