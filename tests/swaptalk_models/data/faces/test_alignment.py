import cv2
import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import (
    TEMPLATE,
    apply_affine,
    crop_affines,
    crop_face,
    invert_affine,
    smooth_landmarks,
    template_landmarks,
)
from swaptalk_models.settings.data import CropsConfig


def moved_template(scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    """Landmarks (68, 2) of a template face of `scale` px, turned and moved."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((TEMPLATE - 0.5) * scale @ turn.T + shift).astype(np.float32)


def test_the_middle_line_parts_eyes_from_mouth():
    upper, lower = TEMPLATE[:, 1] < 0.5, TEMPLATE[:, 1] > 0.5
    assert upper[17:30].all() and upper[36:48].all()  # brows, bridge, eyes
    assert lower[31:36].all() and lower[48:].all() and lower[8]  # nostrils, mouth, chin
    assert TEMPLATE.min() > 0.05 and TEMPLATE.max() < 0.95


@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_affine_brings_a_moved_face_back_onto_the_template(margin):
    config = CropsConfig(size=128, margin=margin)
    landmarks = moved_template(310.0, 17.0, (420.0, 260.0))
    affine = crop_affines(landmarks[None], config)[0]
    np.testing.assert_allclose(apply_affine(landmarks, affine), template_landmarks(128, margin), atol=0.01)
    there = apply_affine(landmarks, affine)
    np.testing.assert_allclose(apply_affine(there, invert_affine(affine)), landmarks, atol=0.01)


def test_opening_the_mouth_or_closing_the_eyes_does_not_move_the_crop():
    landmarks = moved_template(200.0, 0.0, (240.0, 240.0))
    talking = landmarks.copy()
    talking[48:] += [0, 9]
    talking[5:12] += [0, 12]
    talking[[37, 38, 43, 44]] += [0, 5]
    still, moved = crop_affines(np.stack([landmarks, talking]), CropsConfig(smooth_frames=0))
    np.testing.assert_array_equal(still, moved)


def picture_of_a_face(scale: float, degrees: float, shift: tuple[float, float], size: int) -> np.ndarray:
    """A soft pattern that turns and grows with the template face."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = np.deg2rad(degrees)
    u = (np.cos(angle) * (x - shift[0]) + np.sin(angle) * (y - shift[1])) / scale
    v = (-np.sin(angle) * (x - shift[0]) + np.cos(angle) * (y - shift[1])) / scale
    waves = [np.sin(14 * u + 3 * v), np.cos(11 * v), np.sin(9 * u * v + 4 * u)]
    return np.clip(127 + 100 * np.stack(waves, -1), 0, 255).astype(np.uint8)


def test_crop_of_a_turned_and_scaled_face_equals_the_upright_one():
    config = CropsConfig(size=64)
    crops = []
    for pose in ((130.0, 0.0, (160.0, 160.0)), (130.0, 25.0, (180.0, 150.0)), (280.0, -12.0, (240.0, 250.0))):
        affine = crop_affines(moved_template(*pose)[None], config)[0]
        crops.append(crop_face(picture_of_a_face(*pose, size=500), affine, 64).astype(int))
    assert np.abs(crops[1] - crops[0]).mean() < 1.5
    assert np.abs(crops[2] - crops[0]).mean() < 1.5


def test_shrinking_does_not_alias():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the crop can hold: must come out grey
    crop = crop_face(stripes, np.float32([[0.125, 0, 0], [0, 0.125, 0]]), 64)
    assert np.abs(crop[1:-1, 1:-1].astype(int) - 128).max() < 12


def test_crop_beyond_the_image_repeats_its_edge():
    image = np.full((40, 40, 3), 90, np.uint8)
    crop = crop_face(image, np.float32([[1, 0, 30], [0, 1, 30]]), 64)
    assert (crop == 90).all()


def test_smoothing_has_no_lag_and_lessens_jitter():
    rng = np.random.default_rng(0)
    steps = np.arange(60)
    path = np.stack([300 + 2.0 * steps, np.full(60, 240.0)], axis=1)
    landmarks = np.stack([moved_template(200.0, 0.0, tuple(p)) for p in path]) + rng.normal(0, 1.5, (60, 68, 2))
    smooth = smooth_landmarks(landmarks.astype(np.float32), 2.0)
    centre = smooth.mean(axis=1)[10:50] - TEMPLATE.mean(axis=0) * 200 + 100
    assert np.abs(centre - path[10:50]).max() < 0.5  # a lagging filter of this width would be 2 px or more behind
    jitter = [np.abs(np.diff(x, 2, axis=0)).mean() for x in (landmarks, smooth)]
    assert jitter[1] < 0.2 * jitter[0]
    np.testing.assert_array_equal(smooth_landmarks(landmarks, 0), landmarks.astype(np.float32))


def test_smoothed_affines_are_steady_and_keep_a_cut_sharp():
    rng = np.random.default_rng(1)
    left = np.stack([moved_template(200.0, 0.0, (200.0, 240.0))] * 20)
    right = np.stack([moved_template(200.0, 0.0, (500.0, 240.0))] * 20)
    landmarks = np.concatenate([left, right]) + rng.normal(0, 1.0, (40, 68, 2))
    raw, smooth = (crop_affines(landmarks, CropsConfig(smooth_frames=s)) for s in (0.0, 2.0))
    assert np.abs(np.diff(smooth[:20, 0, 2])).mean() < 0.3 * np.abs(np.diff(raw[:20, 0, 2])).mean()
    middle = apply_affine(np.float32([[200, 240]]), smooth[19])[0]
    np.testing.assert_allclose(middle, [31.5, 31.5], atol=1.0)  # not dragged to the other side of the cut


def test_crop_keeps_pixel_values_at_scale_one():
    image = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 255, (64, 64, 3), np.uint8), (0, 0), 2)
    np.testing.assert_array_equal(crop_face(image, np.float32([[1, 0, 0], [0, 1, 0]]), 64), image)


def test_a_small_crop_is_the_large_one_shrunk():
    pose = (380.0, 9.0, (250.0, 240.0))
    image = picture_of_a_face(*pose, size=500)
    small, large = (
        crop_face(image, crop_affines(moved_template(*pose)[None], CropsConfig(size=s))[0], s) for s in (64, 256)
    )
    shrunk = cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - shrunk).mean() < 1.0
