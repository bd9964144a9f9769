import cv2
import numpy as np
import pytest

from swaptalk_models.classical.warp_swap import SwapColour, destination_shape, neutral_landmarks, warp_swap
from swaptalk_models.data.faces.alignment import template_landmarks

SIZE = 128


def drawn_face(points: np.ndarray, skin=(205, 160, 130), iris=(60, 90, 140), size: int = SIZE) -> np.ndarray:
    """A flat face with shaded skin, brows, eyes, nose and mouth at its landmarks."""
    image = np.full((size, size, 3), (70, 110, 90), np.uint8)
    fixed = np.round(points).astype(np.int32)
    cv2.fillPoly(image, [cv2.convexHull(np.concatenate([fixed[:17], fixed[17:27] - [0, size // 6]]))], skin)
    image = np.clip(image * np.linspace(1.08, 0.9, size)[:, None, None], 0, 255).astype(np.uint8)
    for brow in (fixed[17:22], fixed[22:27]):
        cv2.polylines(image, [brow], False, (50, 35, 25), max(2, size // 50))
    for eye in (fixed[36:42], fixed[42:48]):
        cv2.fillPoly(image, [eye], (240, 240, 240))
        cv2.circle(image, tuple(int(v) for v in eye.mean(axis=0)), max(1, size // 50), iris, -1)
    cv2.polylines(image, [fixed[31:36]], False, (120, 80, 70), max(1, size // 90))
    cv2.fillPoly(image, [fixed[48:60]], (180, 60, 70))
    cv2.fillPoly(image, [fixed[60:68]], (40, 10, 15))
    return cv2.GaussianBlur(image, (0, 0), 0.7)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-9)))


def other_person() -> np.ndarray:
    """Landmarks of a face with wider eyes, a lower and broader mouth, higher brows."""
    points = template_landmarks(SIZE)
    for eye in (slice(36, 42), slice(42, 48)):
        points[eye] = points[eye].mean(axis=0) + 1.3 * (points[eye] - points[eye].mean(axis=0))
    mouth = points[48:68].mean(axis=0)
    points[48:68] = mouth + (points[48:68] - mouth) * [1.25, 1.3] + [0, 0.03 * SIZE]
    points[17:27] -= [0, 0.03 * SIZE]
    return points.astype(np.float32)


def opened(points: np.ndarray, gap: float) -> np.ndarray:
    points = points.copy()
    points[[65, 66, 67, 56, 57, 58]] += [0, gap]
    points[[55, 59]] += [0, 0.6 * gap]
    points[6:11] += [0, 0.6 * gap]
    return points


@pytest.mark.parametrize("gap", [0.0, 8.0])
def test_swap_with_oneself_is_nearly_identity(gap):
    points = opened(template_landmarks(SIZE), gap)
    face = drawn_face(points)
    swapped, mask = warp_swap(face, points, face, points, neutral_landmarks(points[None]))
    assert swapped.shape == face.shape and swapped.dtype == np.uint8 and mask.shape == face.shape[:2]
    assert psnr(swapped, face) > 30


def test_geometry_comes_from_the_source_and_the_jaw_from_the_target():
    source, target = other_person(), template_landmarks(SIZE)
    shape = destination_shape(source, target, target, geometry=1.0)
    np.testing.assert_allclose(shape[:17], target[:17], atol=1e-3)
    width = [np.ptp(p[48:55, 0]) for p in (source, target, shape)]
    assert abs(width[2] - width[0]) < 0.3 * abs(width[1] - width[0])
    assert destination_shape(source, target, target, geometry=0.0) == pytest.approx(target, abs=1e-3)


def test_expression_comes_from_the_target():
    source, target = other_person(), template_landmarks(SIZE)
    gap = [
        np.mean(shape[[67, 66, 65], 1] - shape[[61, 62, 63], 1])
        for shape in (destination_shape(source, opened(target, g), target, 1.0) for g in (0.0, 4.0, 8.0))
    ]
    own = np.mean(target[[67, 66, 65], 1] - target[[61, 62, 63], 1])
    np.testing.assert_allclose(gap, own + [0, 4, 8], atol=0.2)
    blinking = target.copy()
    blinking[[37, 38]], blinking[[43, 44]] = target[[41, 40]], target[[47, 46]]
    shape = destination_shape(source, blinking, target, 1.0)
    height = [np.mean(p[[41, 40], 1] - p[[37, 38], 1]) for p in (source, shape)]
    assert 0 <= height[1] < 0.25 * height[0]  # closed, and not turned inside out


def test_open_mouth_of_the_target_shows_its_own_inside():
    source, rest = other_person(), template_landmarks(SIZE)
    target = opened(rest, 12.0)
    image = drawn_face(target)
    inner = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(inner, [np.round(target[60:68]).astype(np.int32)], 1)
    image[inner > 0] = (10, 200, 30)  # a colour that the source has nowhere
    swapped, _ = warp_swap(drawn_face(source), source, image, target, rest)
    green = (swapped[..., 1] > 150) & (swapped[..., 0] < 80)
    assert green.sum() > 0.5 * inner.sum()


def test_only_the_face_changes_and_the_source_shows():
    source, target = other_person(), template_landmarks(SIZE)
    image = drawn_face(target)
    swapped, mask = warp_swap(drawn_face(source, iris=(200, 30, 30)), source, image, target, target)
    np.testing.assert_array_equal(swapped[mask == 0], image[mask == 0])
    assert mask[:6].max() == 0 and mask[:, :10].max() == 0
    eye = swapped[tuple(np.round(target[36:42].mean(axis=0)).astype(int)[::-1])].astype(int)
    assert eye[0] > eye[2] + 60  # the source's red iris, not the target's blue one


def test_skin_tone_follows_colour_strength():
    points = template_landmarks(SIZE)
    source, target = drawn_face(points, skin=(110, 75, 60)), drawn_face(points)
    cheek = np.s_[64:72, 36:44]
    values = [
        warp_swap(source, points, target, points, points, colour_strength=s)[0][cheek].mean() for s in (0.0, 0.5, 1.0)
    ]
    assert values[0] < values[1] < values[2]
    assert abs(values[2] - target[cheek].mean()) < 10


def test_images_of_different_sizes_and_a_colour_of_the_clip():
    source, target = other_person() * 2, template_landmarks(64)
    source_image, target_image = drawn_face(source, size=256), drawn_face(target, size=64)
    colour = SwapColour.measure([target_image], target[None])
    swapped, mask = warp_swap(source_image, source, target_image, target, colour=colour)
    assert swapped.shape == (64, 64, 3) and mask.max() > 0.9
    again, _ = warp_swap(source_image, source, target_image, target, colour=colour)
    np.testing.assert_array_equal(swapped, again)


@pytest.mark.real
def test_real_swaps_are_nearer_to_their_source(real_clips):
    import decord

    from swaptalk_models.data.faces.detection import detect_face
    from swaptalk_models.metrics.dlib_judge import identity_embeddings

    names = ("WDA_KatieHill_000.mp4", "WDA_DebbieStabenow1_000.mp4")
    images = [decord.VideoReader(str(real_clips / "clips" / name))[20].asnumpy() for name in names]
    landmarks = [detect_face(image).landmarks for image in images]
    swaps = [warp_swap(images[i], landmarks[i], images[1 - i], landmarks[1 - i])[0] for i in (0, 1)]
    judged = identity_embeddings(images + swaps, landmarks + [detect_face(swap).landmarks for swap in swaps])
    for i in (0, 1):
        assert judged[2 + i] @ judged[i] > judged[2 + i] @ judged[1 - i] + 0.03


@pytest.mark.parametrize("size", [64, 128])
def test_small_crops_keep_their_sharpness(size):
    """At each of several steps between pixels, linear interpolation would take a part of it: half was lost at 64 px."""

    def sharpness(image: np.ndarray) -> float:
        inner = image[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4].astype(np.float32).mean(-1)
        return float(np.abs(cv2.Laplacian(inner, cv2.CV_32F)).mean())

    points = template_landmarks(size).astype(np.float32)
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 30, (size, size, 1)), (0, 0), 0.7)[..., None]
    face = np.clip(drawn_face(points, size=size) + grain, 0, 255).astype(np.uint8)
    moved = points + np.float32([0.4, 0.3])  # between the pixels
    swapped, _ = warp_swap(face, points, face, moved, neutral_landmarks(moved[None]))
    assert sharpness(swapped) > 0.75 * sharpness(face)
