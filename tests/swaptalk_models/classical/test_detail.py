"""classical/detail.py"""

from functools import cache

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.detail import SourceDetail, add_detail, detail_weight, low_band
from swaptalk_models.classical.skin import with_forehead
from swaptalk_models.classical.warp_swap import destination_shape, warp_by_triangles
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.settings.data import CropsConfig

SIZE, MADE, GRID = 240, 48, 12
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
SOURCE, TARGET = 8, 4


@cache
def person(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Aligned crop, its skin as grainy as a real one's, and landmarks."""
    image, landmarks = Renderer(make_person(number), size=512).frame(STILL)
    affine = crop_affines(landmarks[None], CropsConfig(size=SIZE, smooth_frames=0))[0]
    grain = cv2.GaussianBlur(np.random.default_rng(number).normal(0, 25, (SIZE, SIZE)), (0, 0), 1.2)[..., None]
    return np.clip(crop_face(image, affine, SIZE) + grain, 0, 255).astype(np.uint8), apply_affine(landmarks, affine)


@cache
def bent() -> np.ndarray:
    """The source in the target's pose, by the swap teacher's warp: what networks would make, were they perfect."""
    (source, points), (_, target) = person(SOURCE), person(TARGET)
    shape = destination_shape(points, target, target)
    return warp_by_triangles(source, with_forehead(points), with_forehead(shape), SIZE)


def as_made(image: np.ndarray) -> np.ndarray:
    """As from networks of few pixels, enlarged."""
    small = cv2.resize(image, (MADE, MADE), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


@cache
def detail() -> SourceDetail:
    return SourceDetail.of(*person(SOURCE), GRID)


def filled(points: np.ndarray) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 1)
    return mask > 0


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_inside_the_face_the_high_band_is_the_bent_sources():
    face, target = as_made(bent()), person(TARGET)[1]
    made = add_detail(face, detail(), target, target)
    where = detail_weight(detail(), face, target, target) > 0.9
    assert where.mean() > 0.15  # of the crop

    def high(image: np.ndarray) -> np.ndarray:
        return (image - cv2.GaussianBlur(image.astype(np.float32), (0, 0), 3))[where]

    assert correlation(high(made), high(bent())) > 0.9
    assert correlation(high(face), high(bent())) < 0.7
    assert high(made).std() > 0.8 * high(bent()).std()


def test_the_low_band_stays_the_networks():
    face, target = as_made(bent()), person(TARGET)[1]
    yellow = np.clip(face + np.float32([12, 6, -10]), 0, 255).astype(np.uint8)
    first, other = (low_band(add_detail(made, detail(), target, target), 2 * detail().sigma) for made in (face, yellow))
    where = filled(target[27:36])
    np.testing.assert_allclose((other - first)[where].mean(axis=0), [12, 6, -10], atol=1.5)


def test_mouth_and_surroundings_are_the_networks():
    face, target = as_made(bent()), person(TARGET)[1]
    made = add_detail(face, detail(), target, target)
    lips = filled(target[48:60])
    np.testing.assert_array_equal(made[lips], face[lips])
    dropped = target[48:60] + [0, 0.3 * np.ptp(target[48:60, 1])]
    np.testing.assert_array_equal(made[filled(dropped)], face[filled(dropped)])
    forehead = with_forehead(destination_shape(person(SOURCE)[1], target, target))[68:]
    outside = ~filled(np.concatenate([with_forehead(target), forehead]))
    np.testing.assert_array_equal(made[outside], face[outside])
    assert not np.array_equal(made, face)


def test_steps_between_cells_go():
    target = person(TARGET)[1]
    tiles = np.random.default_rng(0).normal(0, 6, (GRID, GRID, 3)).astype(np.float32)
    tiled = np.clip(as_made(bent()) + cv2.resize(tiles, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST), 0, 255).astype(
        np.uint8
    )
    made = add_detail(tiled, detail(), target, target)
    where = detail_weight(detail(), tiled, target, target) > 0.9
    cell = SIZE // GRID

    def step_ratio(image: np.ndarray) -> float:
        jump = np.abs(np.diff(image.astype(np.float32), axis=1)).mean(axis=-1)
        known = where[:, 1:] & where[:, :-1]
        border = np.zeros_like(known)
        border[:, cell - 1 :: cell] = True
        return jump[border & known].mean() / jump[~border & known].mean()

    assert step_ratio(tiled) > 1.5
    assert step_ratio(made) == pytest.approx(step_ratio(bent()), abs=0.1)


def test_a_fold_gets_no_detail():
    """A jaw drawn over the eye, as landmarks of a head turned far away are."""
    face, target = as_made(bent()), person(TARGET)[1]
    folded = target.copy()
    folded[0:5, 0] = target[36:40, 0].mean() + 0.1 * SIZE
    before, after = (detail_weight(detail(), face, points, target) for points in (target, folded))
    turned_over = filled(np.concatenate([target[36:42], folded[0:3]]))
    assert before[turned_over].mean() > 0.5
    assert after[turned_over].mean() < 0.02 and after[turned_over].max() < 0.15


def test_what_hides_the_source_is_not_carried_over():
    source, points = (array.copy() for array in person(SOURCE))
    face, target = as_made(bent()), person(TARGET)[1]
    cheek = points[[1, 2, 31, 41]].mean(axis=0).round().astype(int)
    for offset in range(-12, 13, 6):
        cv2.line(source, tuple(cheek + [offset, -14]), tuple(cheek + [offset, 14]), (250, 240, 230), 3)  # fingers
    cv2.circle(source, tuple(cheek), 16, (235, 200, 180), 4)
    covered = SourceDetail.of(source, points, GRID)
    hidden, clear = (detail_weight(d, face, target, target) for d in (covered, detail()))
    x, y = target[[1, 2, 31, 41]].mean(axis=0).round().astype(int)
    around = np.s_[y - 6 : y + 7, x - 6 : x + 7]
    assert hidden[around].mean() < 0.35 * clear[around].mean()


def test_a_steady_video_stays_steady():
    face, target = as_made(bent()), person(TARGET)[1]
    first = add_detail(face, detail(), target, target)
    np.testing.assert_array_equal(add_detail(face, detail(), target, target), first)
    rng = np.random.default_rng(0)
    moved = []
    for size in (0.05, 0.1):  # px: what is left of a tracker's unrest after smoothing
        jittered = (target + rng.normal(0, size, target.shape)).astype(np.float32)
        moved.append(np.abs(add_detail(face, detail(), jittered, target).astype(float) - first).mean())
    assert moved[1] < 0.5 and moved[0] < 0.8 * moved[1]
    weights = [detail_weight(detail(), face, target + shift, target) for shift in (0, 0.25)]
    assert np.abs(weights[1] - weights[0]).max() < 0.35


def test_the_size_must_fit():
    with pytest.raises(ValueError, match="48 x 48 px and detail for 240 px"):
        add_detail(np.zeros((MADE, MADE, 3), np.uint8), detail(), person(TARGET)[1])


@pytest.mark.parametrize("sigma", [1.0, 4.0, 10.0])
def test_the_low_pass_filter_is_a_gaussian(sigma):
    image = person(TARGET)[0]
    exact = cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(low_band(image, sigma) - exact).mean() < 0.06 * np.abs(image - exact).mean() + 1e-3
