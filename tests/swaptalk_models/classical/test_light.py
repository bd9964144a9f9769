"""classical/light.py"""

from functools import cache

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.light import STRENGTH, Light, relight, relight_to
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.settings.data import CropsConfig

SIZE = 128
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
BALD, DARK, BRIGHT, YOUNG = 0, 8, 11, 9


@cache
def face(number: int, **motion: float) -> tuple[np.ndarray, np.ndarray]:
    """Aligned crop and landmarks of a phantom."""
    image, landmarks = Renderer(make_person(number), size=320).frame(STILL | motion)
    affine = crop_affines(landmarks[None], CropsConfig(size=SIZE, smooth_frames=0))[0]
    return crop_face(image, affine, SIZE), apply_affine(landmarks, affine)


def inside(landmarks: np.ndarray) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(landmarks).astype(np.int32)), 1)
    return mask > 0


def cheeks(landmarks: np.ndarray) -> np.ndarray:
    """(2, 2) points in the middle of both cheeks."""
    return np.stack([landmarks[[2, 31, 41]].mean(axis=0), landmarks[[14, 35, 46]].mean(axis=0)])


def lit(image: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image * gain), 0, 255).astype(np.uint8)


def side_light() -> np.ndarray:
    """A known field (SIZE, SIZE, 3): warm and full from the left, half as bright and bluish to the right."""
    across = np.linspace(0, 1, SIZE, dtype=np.float32)[None, :, None]
    return np.repeat(np.exp(np.float32([0.0, -0.05, -0.2]) - across * np.float32([0.8, 0.65, 0.5])), SIZE, axis=0)


def skin_level(light: Light) -> np.ndarray:
    """(9, 3) values of the skin over the face."""
    return light.skin(np.stack(np.meshgrid([-0.5, 0, 0.5], [-0.5, 0, 0.5]), axis=-1).reshape(-1, 2).astype(np.float32))


@pytest.mark.parametrize("number", [BALD, YOUNG, DARK])
def test_a_face_in_a_known_light_comes_back(number):
    image, landmarks = face(number)
    dimmed, where = lit(image, side_light()), inside(landmarks)
    back = relight(dimmed, landmarks, image, landmarks, strength=1.0).astype(float)
    lost = np.abs(dimmed.astype(float) - image)[where].mean()
    assert np.abs(back - image)[where].mean() < 0.2 * lost
    there = relight(image, landmarks, dimmed, landmarks, strength=1.0).astype(float)
    assert np.abs(there - dimmed)[where].mean() < 0.2 * lost


def test_equal_light_changes_nothing():
    image, landmarks = face(YOUNG)
    assert np.abs(relight(image, landmarks, image, landmarks).astype(int) - image).max() <= 1
    assert np.array_equal(relight(image, landmarks, face(DARK)[0], face(DARK)[1], strength=0), image)


def test_the_skin_moves_by_the_strength():
    (dark, dark_points), (bright, bright_points) = face(DARK), face(BRIGHT)
    levels = [np.log(skin_level(Light.measure(dark, dark_points)).mean())]
    for strength in (STRENGTH, 1.0):
        made = relight(dark, dark_points, bright, bright_points, strength)
        levels.append(np.log(skin_level(Light.measure(made, dark_points)).mean()))
    goal = np.log(skin_level(Light.measure(bright, bright_points)).mean())
    share = (np.array(levels) - levels[0]) / (goal - levels[0])
    assert share[1] == pytest.approx(STRENGTH, abs=0.12) and share[2] > share[1] + 0.1


def test_the_same_light_on_a_turned_head():
    """The field belongs to the face: a mirrored lamp is another light, a turned head is not."""
    straight, turned = face(YOUNG), face(YOUNG, roll=0.2, yaw=0.15)
    field, same = (Light.measure(*seen).field_63 for seen in (straight, turned))
    mirrored = Light.measure(lit(straight[0], side_light()), straight[1]).field_63
    assert np.abs(field - same).max() < 0.5 * np.abs(field - mirrored).max()


@pytest.mark.parametrize("level", [45, 110])
def test_noise_is_not_amplified(level):
    """A noisy face of a fifth and of half of the target's brightness."""
    points = face(YOUNG)[1]
    noise = np.random.default_rng(0).normal(0, 6, (SIZE, SIZE, 3))
    noisy = np.clip(np.float32([1.2, 1.0, 0.85]) * level + noise, 0, 255).astype(np.uint8)
    target = np.full((SIZE, SIZE, 3), (225, 195, 175), np.uint8)

    def high(image: np.ndarray) -> np.ndarray:
        return (image - cv2.GaussianBlur(image, (0, 0), 2.0))[inside(points)]

    made = relight(noisy, points, target, points)
    assert made.mean() > 1.3 * noisy.mean()
    assert high(made.astype(np.float32)).std() <= 1.1 * high(noisy.astype(np.float32)).std()


@pytest.mark.parametrize(("source", "target"), [(DARK, BRIGHT), (BRIGHT, DARK), (5, BALD), (BALD, 5)])
def test_very_dark_and_very_bright_people_make_no_glints(source, target):
    """Share of pixels inside the face that are newly at white, or newly of a colour that neither face has."""
    (image, points), (other, other_points) = face(source), face(target)
    made, where = relight(image, points, other, other_points), inside(points)

    def coloured(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Colour as the difference of channels against brightness; (N, 2)."""
        value = picture.astype(np.float32)[mask]
        return np.stack([value[:, 0] - value[:, 1], value[:, 1] - value[:, 2]], axis=1) / (
            value.mean(axis=1, keepdims=True) + 24
        )

    white = (made.max(axis=-1) >= 250) & (image.max(axis=-1) < 250)
    assert white[where].mean() < 0.005
    both = np.concatenate([coloured(image, where), coloured(other, inside(other_points))])
    low, high = np.quantile(both, 0.005, axis=0) - 0.1, np.quantile(both, 0.995, axis=0) + 0.1
    new = coloured(made, where)
    assert ((new < low) | (new > high)).any(axis=1).mean() < 0.01


def with_beard(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    image = image.copy()
    lower = np.concatenate([points[3:14], points[[54, 35, 33, 31, 48]]])
    cv2.fillPoly(image, [np.round(lower).astype(np.int32)], (45, 34, 28))
    cv2.fillPoly(image, [np.round(points[48:60]).astype(np.int32)], (170, 80, 80))
    return image


def with_glasses(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    image = image.copy()
    for eye in (points[36:42], points[42:48]):
        centre = tuple(int(v) for v in eye.mean(axis=0) + [0, 2])
        cv2.ellipse(image, centre, (14, 12), 0, 0, 360, (20, 20, 22), 3)
        cv2.ellipse(image, centre, (6, 2), 45, 0, 360, (250, 250, 250), -1)  # a reflection
    return image


def with_shadow(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A hard shadow that hides a quarter of the face."""
    image = image.copy()
    edge = int(points[45, 0])
    image[:, edge:] = (image[:, edge:] * 0.35).astype(np.uint8)
    return image


@pytest.mark.parametrize("change", [with_beard, with_glasses, with_shadow])
def test_what_covers_the_skin_does_not_shift_the_estimate(change):
    image, points = face(YOUNG)
    clear, covered = (
        skin_level(Light.measure(picture, points)).reshape(3, 3, 3) for picture in (image, change(image, points))
    )
    lit_side = np.s_[:, :2]  # the shadow may darken its own side
    assert np.abs(np.log(covered[lit_side] / clear[lit_side])).max() < 0.12


def test_faces_at_the_pictures_edge_and_of_one_colour():
    points = face(YOUNG)[1]
    flat = np.full((SIZE, SIZE, 3), (180, 130, 110), np.uint8)
    np.testing.assert_allclose(
        skin_level(Light.measure(flat, points)), np.tile(np.float32([180, 130, 110]), (9, 1)), atol=1
    )
    black = np.zeros((SIZE, SIZE, 3), np.uint8)
    assert relight(black, points, flat, points).max() < 60  # bounded, whatever the target
    half_out = relight(flat, points - [SIZE / 2, SIZE / 3], flat, points)
    assert np.abs(half_out.astype(int) - flat).max() <= 2


def test_a_clips_light_is_its_median():
    image, points = face(YOUNG)
    hidden = np.zeros_like(image)
    light = Light.of_clip([image, hidden, image], [points] * 3)
    np.testing.assert_allclose(light.field_63, Light.measure(image, points).field_63, atol=1e-5)
    np.testing.assert_array_equal(relight_to(*face(DARK), light), relight(*face(DARK), image, points))
