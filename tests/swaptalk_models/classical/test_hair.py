"""classical/hair.py: hair over a face is painted over, and nothing else."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.hair import bare_face
from swaptalk_models.data.faces.alignment import template_landmarks

SIZE = 128
SKIN = (205, 160, 130)


def face(size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Grainy skin all over, dark brows, eyes and lips; its landmarks."""
    points = template_landmarks(size).astype(np.float32)
    fixed = np.round(points).astype(np.int32)
    image = np.full((size, size, 3), SKIN, np.uint8)
    for brow in (fixed[17:22], fixed[22:27]):
        cv2.polylines(image, [brow], False, (50, 35, 25), max(2, size // 50))
    for eye in (fixed[36:42], fixed[42:48]):
        cv2.fillPoly(image, [eye], (30, 30, 40))
    cv2.fillPoly(image, [fixed[48:60]], (180, 60, 70))
    grain = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8), points


def strand(image: np.ndarray, points: np.ndarray, x: float) -> np.ndarray:
    """A dark strand from the top edge down to just above the brows, at this share of the way from one brow's end to the other's."""
    image = image.copy()
    left, right = points[17], points[26]
    column = int(left[0] + x * (right[0] - left[0]))
    bottom = int(points[17:27, 1].min() - 0.06 * len(image))
    cv2.rectangle(image, (column - 4, 0), (column + 4, bottom), (25, 18, 15), -1)
    return image


@pytest.mark.parametrize("size", [64, SIZE, 300])
def test_a_strand_over_the_forehead_goes(size):
    image, points = face(size)
    with_hair = strand(image, points, 0.5)
    bare = bare_face(with_hair, points)
    brow = int(points[17:27, 1].min())
    zone = slice(int(brow - 0.14 * size), int(brow - 0.09 * size)), slice(int(0.42 * size), int(0.58 * size))
    assert np.abs(with_hair[zone].astype(float) - SKIN).max() > 100
    assert np.abs(bare[zone].astype(float) - SKIN).mean() < 12


def test_brows_eyes_and_mouth_stay_to_the_bit():
    image, points = face()
    with_hair = strand(image, points, 0.5)
    below = int(points[17:27, 1].max())
    inside = slice(below, SIZE), slice(int(points[17, 0]), int(points[26, 0]))
    assert np.array_equal(bare_face(with_hair, points)[inside], with_hair[inside])


def test_a_face_without_hair_keeps_its_grain():
    image, points = face()
    change = np.abs(bare_face(image, points).astype(float) - image)
    assert change.mean() < 0.5


def lock(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A thick dark lock from the top edge over the outer half of one brow, down beside the eye."""
    image, size = image.copy(), len(image)
    brow, corner = points[24], points[45]
    path = np.array([[brow[0], -9], brow, corner + [0.10 * size, 0.06 * size], [1.1 * size, -9]])
    cv2.fillPoly(image, [np.round(path).astype(np.int32)], (40, 28, 20))
    return image


@pytest.mark.parametrize("size", [64, SIZE, 300])
def test_what_a_lock_hides_comes_from_the_other_side(size):
    """The brow's outer half is there again; without the lock it is where the mirror has it."""
    image, points = face(size)
    with_hair = lock(image, points)
    bare = bare_face(with_hair, points)
    whole = np.zeros((size, size), np.uint8)
    cv2.fillPoly(whole, [np.round(points[24:27]).astype(np.int32)], 1)
    whole = cv2.dilate(whole, np.ones((3, 3))) > 0
    hidden = np.abs(with_hair.astype(float) - image).max(axis=2) > 60
    inside = hidden & (cv2.dilate(whole.astype(np.uint8), np.ones((size // 8, size // 8))) > 0)
    before, after = (np.abs(one.astype(float) - image)[inside].mean() for one in (with_hair, bare))
    assert before > 80 and after < 0.25 * before
    brow = tuple(np.round(points[25]).astype(int)[::-1])
    assert bare[brow].mean() < 0.75 * np.mean(SKIN), "a brow, not bare skin"


def test_glasses_brows_and_a_beard_are_no_locks():
    image, points = face(300)
    fixed = np.round(points).astype(np.int32)
    for eye in (fixed[36:42], fixed[42:48]):
        (x, y), radius = cv2.minEnclosingCircle(eye)
        cv2.circle(image, (int(x), int(y)), int(1.5 * radius), (30, 25, 25), 4)
    for corner, ear in ((fixed[36], fixed[0]), (fixed[45], fixed[16])):
        cv2.line(image, corner, ear, (30, 25, 25), 4)
    cv2.fillPoly(image, [np.concatenate([fixed[3:14], fixed[[54, 57, 48]]])], (60, 45, 35))
    bare = bare_face(image, points)
    column = slice(int(points[17:27, 1].min()), 300), slice(int(points[17, 0]) + 8, int(points[26, 0]) - 8)
    dark = image[column].mean(axis=2) < 90
    assert dark.sum() > 2000 and np.abs(bare[column].astype(float) - image[column])[dark].mean() < 1
    assert np.abs(bare[column].astype(float) - image[column]).mean() < 1


def test_fair_hair_goes_like_dark_hair():
    """A strand not much darker than skin."""
    image, points = face(384)
    brow = int(points[17:27, 1].min())
    column = int(points[27, 0])
    fair = tuple(int(0.68 * value) for value in SKIN)
    cv2.rectangle(image, (column - 14, 0), (column + 14, brow - 24), fair, -1)
    zone = np.s_[brow - 50 : brow - 34, column - 10 : column + 10]
    assert np.abs(image[zone].astype(float) - SKIN).mean() > 40
    assert np.abs(bare_face(image, points)[zone].astype(float) - SKIN).mean() < 12


def test_brows_under_hair_that_frames_the_face_stay():
    """Hair parted in the middle, its edge close above the brows' outer ends, which run into it."""
    image, points = face(384)
    top = np.array([points[27, 0], -20])
    for brow, side in ((points[17], -1), (points[26], 1)):
        edge = np.array(
            [top, brow + [side * -4, -22], brow + [side * 12, 4], brow + [side * 90, 4], [brow[0] + side * 90, -20]]
        )
        cv2.fillPoly(image, [np.round(edge).astype(np.int32)], (60, 40, 30))
    bare = bare_face(image, points)
    for number in (19, 20, 21, 22, 23, 24):
        x, y = np.round(points[number]).astype(int)
        assert np.abs(bare[y, x].astype(int) - image[y, x]).max() < 30, number


def cheek(image: np.ndarray, points: np.ndarray, side: int) -> np.ndarray:
    """A dark stripe down one side of the face, from the temple to the chin."""
    image = image.copy()
    rim = points[[0, 2, 4, 5]] if side < 0 else points[[16, 14, 12, 11]]
    inner = rim + [-side * 0.2 * len(image), 0]
    cv2.fillPoly(image, [np.round(np.concatenate([rim + [side * 40, 0], inner[::-1]])).astype(np.int32)], (60, 42, 34))
    return image


def test_hair_on_one_cheek_fades_out_below_the_nose_and_a_beard_on_both_stays():
    image, points = face(384)
    y = int(points[33, 1] + 0.6 * (points[48, 1] - points[33, 1]))
    row = np.s_[y, int(points[17, 0]) + 4 : int(points[17, 0]) + 14]
    one = cheek(image, points, -1)
    both = cheek(one, points, 1)
    before, bare, beard = (
        picture[row].astype(float).mean() for picture in (one, bare_face(one, points), bare_face(both, points))
    )
    assert before < 60 and bare > before + 40
    assert abs(beard - before) < 8
    steps = np.abs(
        np.diff(
            bare_face(one, points)[int(points[29, 1]) : int(points[54, 1]), int(points[17, 0]) + 8]
            .astype(float)
            .mean(axis=1)
        )
    )
    assert steps.max() < 30, "no edge at the height of the nose"


def test_what_is_painted_is_like_the_skin_beside_it():
    """One side is darker than any smooth field can follow: the field, fitted to the whole face, is too bright there."""
    image, points = face(300)
    x = np.mgrid[0:300, 0:300][1].astype(np.float32)
    left, right = points[17, 0], points[26, 0]
    shade = np.clip((left + 0.42 * (right - left) - x) / 12, 0, 1)[..., None]
    shaded = (image * (1 - 0.18 * shade)).astype(np.uint8)
    brow, column = int(points[17:27, 1].min()), int(left + 0.15 * (right - left))
    zone = slice(brow - 40, brow - 24), slice(column - 3, column + 4)
    bare = bare_face(strand(shaded, points, 0.15), points).astype(np.float32)
    assert np.abs(bare[zone].mean(axis=(0, 1)) - shaded[zone].mean(axis=(0, 1))).max() < 3


def test_a_fair_curl_between_dark_ones_is_hair():
    """Curls on both sides of the face; among them, beside the eye, one in the colour of skin but for its shine."""
    image, points = face(384)
    left, right = int(points[17, 0]), int(points[26, 0])
    for side, edge in ((-1, left), (1, right)):
        near, far = edge + side * 12, edge + side * 200
        cv2.rectangle(image, (min(near, far), 0), (max(near, far), 383), (70, 48, 30), -1)
    curl = np.s_[int(points[27, 1]) : int(points[29, 1]), right + 20 : right + 52]
    image[curl] = (188, 142, 110)
    line = np.s_[int(points[27, 1]) + 4 : int(points[29, 1]) - 4, right + 31 : right + 36]
    bare = bare_face(image, points)
    assert np.abs(image[line].astype(float) - SKIN).mean() > 15
    assert np.abs(bare[line].astype(float) - SKIN).mean() < 6


def beard(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A beard from ear to ear, wider than the brows, and a moustache."""
    image, fixed = image.copy(), np.round(points).astype(np.int32)
    outer = fixed[2:15] + np.array(
        [[round(0.06 * len(image) * np.sign(x)), 0] for x in np.linspace(-1, 1, 13)], np.int32
    )
    inner = np.concatenate([fixed[[54, 35, 33, 31, 48]]])
    cv2.fillPoly(image, [np.concatenate([outer, inner])], (70, 50, 40))
    cv2.fillPoly(image, [fixed[48:60]], (180, 60, 70))
    return image


def test_a_beard_is_not_cut_off_beside_the_brows():
    """It fades out from the mouth up to the nose, without an edge that goes down the cheek."""
    image, points = face(384)
    bearded = beard(image, points)
    bare = bare_face(bearded, points).astype(float)
    row = int(points[48, 1] + 4)
    assert (
        np.abs(
            bare[row, int(points[4, 0]) : int(points[12, 0])] - bearded[row, int(points[4, 0]) : int(points[12, 0])]
        ).max()
        < 12
    )
    column = int(points[26, 0]) + 10
    cheek = bare[int(points[33, 1]) : int(points[48, 1]), column].mean(axis=1)
    assert np.abs(np.diff(cheek)).max() < 30
