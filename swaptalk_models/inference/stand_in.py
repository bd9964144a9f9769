"""A drawn face that speaks in the stead of one whose lips the networks cannot make.

Networks that learned from drawn people alone make blurs of a real person's lips, the more so of bearded ones, and nothing can be read off a blur. On a drawn
face their lips are clear. Of lips only the shape is wanted where detail is made (classical/lips.py), so another face may say it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.inference.knowledge import Knowledge
from swaptalk_models.settings.data import CropsConfig

_PERSON, _SEED = 8, 7  # clean-shaven, of light skin, without glasses
_PICTURE = 256  # px
_PARTED = 0.12  # of a wide mouth: both lips' edges are seen


def is_needed(knowledge: Knowledge | None, strange: str | None) -> bool:
    """Whether it speaks: for networks that know drawn people alone and a source that is none. ``strange``: what ``unlike_source`` says of it."""
    return knowledge is not None and knowledge.drawn_only and strange is not None


class DrawnFace(NamedTuple):
    """A face to the front with lips just parted."""

    crop: np.ndarray
    """(S, S, 3) uint8 RGB, aligned."""
    landmarks: np.ndarray
    """(68, 2) in its pixels."""


@lru_cache(maxsize=2)
def drawn_face(crops: CropsConfig) -> DrawnFace:
    """The stand-in, cut as the networks' crops are."""
    still = dict.fromkeys(("spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
    still |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0, "opening": _PARTED}
    image, landmarks = Renderer(make_person(_PERSON, _SEED), _PICTURE).frame(still)
    (affine,) = crop_affines(landmarks[None], replace(crops, smooth_frames=0))
    return DrawnFace(crop_face(image, affine, crops.size), apply_affine(landmarks, affine))
