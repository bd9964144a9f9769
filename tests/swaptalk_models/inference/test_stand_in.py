"""inference/stand_in.py"""

import numpy as np
import pytest

from swaptalk_models.classical.articulation import lips_apart
from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.data.quality.measures import yaw_degrees
from swaptalk_models.inference.stand_in import drawn_face
from swaptalk_models.metrics.crop_judges import crop_landmarks
from swaptalk_models.settings.data import CropsConfig


@pytest.mark.parametrize("size", [64, 128, 256])
def test_it_is_cut_as_crops_are_and_its_lips_can_be_read(size):
    crop, landmarks = drawn_face(CropsConfig(size=size))
    assert crop.shape == (size, size, 3) and crop.dtype == np.uint8
    aligned = template_landmarks(size)
    assert np.linalg.norm(landmarks - aligned, axis=1).mean() < 0.06 * size
    assert abs(yaw_degrees(landmarks[None])[0]) < 5
    (found,) = crop_landmarks(crop[None], landmarks)
    off = np.linalg.norm(found[48:] - landmarks[48:], axis=1).mean() / interocular(landmarks[None])[0]
    assert off < 0.1, "a detector that is to read its lips has to find them"
    assert 0 < lips_apart(landmarks[None])[0] < 0.12, "just parted"


def test_it_is_drawn_once():
    assert drawn_face(CropsConfig(size=64)) is drawn_face(CropsConfig(size=64))
