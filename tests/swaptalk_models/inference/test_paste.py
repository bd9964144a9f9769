import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import TEMPLATE, crop_affines, crop_face, template_landmarks
from swaptalk_models.inference.paste import face_mask, paste_face
from swaptalk_models.settings.data import CropsConfig


@pytest.fixture
def frame() -> np.ndarray:
    y, x = np.mgrid[0:300, 0:400].astype(np.float32)
    waves = [110 + 60 * np.sin(x / 23), 110 + 60 * np.cos(y / 31), 110 + 40 * np.sin((x + y) / 40)]
    return np.stack(waves, -1).astype(np.uint8)


def affine_of(scale: float, middle: tuple[float, float], size: int) -> np.ndarray:
    landmarks = (TEMPLATE - 0.5) * scale + np.float32(middle)
    return crop_affines(landmarks[None], CropsConfig(size=size))[0]


def test_mask_covers_the_face_and_ends_inside_the_crop():
    mask, points = face_mask(128), template_landmarks(128)
    assert mask.dtype == np.float32 and mask.min() >= 0 and mask.max() <= 1
    features = points[31:].round().astype(int)
    assert mask[features[:, 1], features[:, 0]].min() > 0.95
    assert mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[:, -1].max() == 0


@pytest.mark.parametrize("size, scale", [(64, 200.0), (128, 130.0), (256, 100.0)])
def test_pasting_the_frames_own_crop_changes_little(frame, size, scale):
    affine = affine_of(scale, (200, 150), size)
    pasted = paste_face(frame, crop_face(frame, affine, size), affine)
    assert np.abs(pasted.astype(int) - frame).max() <= 10
    assert np.abs(pasted.astype(int) - frame).mean() < 0.5


def test_pixels_outside_the_mask_are_untouched(frame):
    before = frame.copy()
    affine = affine_of(150.0, (200, 150), 128)
    pasted = paste_face(frame, np.zeros((128, 128, 3), np.uint8), affine, match_colour=0)
    np.testing.assert_array_equal(frame, before)
    changed = (pasted != frame).any(axis=-1)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert changed.sum() > 5000
    assert rows[0] >= 150 - 75 and rows[-1] <= 150 + 75 and columns[0] >= 200 - 75 and columns[-1] <= 200 + 75
    assert pasted[150, 200].max() == 0


def test_colour_is_matched_at_the_rim(frame):
    affine = affine_of(180.0, (200, 150), 128)
    face = np.clip(crop_face(frame, affine, 128).astype(int) + 30, 0, 255).astype(np.uint8)
    off = [np.abs(paste_face(frame, face, affine, match_colour=m).astype(int) - frame).mean() for m in (0.0, 1.0)]
    assert off[1] < 0.3 * off[0]


def test_faces_that_leave_the_frame(frame):
    for middle in ((0, 150), (399, 299), (2000, 150)):
        affine = affine_of(150.0, middle, 128)
        pasted = paste_face(frame, np.zeros((128, 128, 3), np.uint8), affine, match_colour=0)
        assert pasted.shape == frame.shape
        assert (pasted != frame).any() == (middle[0] < 1000)
