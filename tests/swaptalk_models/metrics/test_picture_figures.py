"""metrics/picture_figures.py: every figure sees the fault that it is for, and only that one."""

import numpy as np
import pytest

from swaptalk_models.metrics.picture_figures import PICTURE_FIGURES, PictureFigures

from .drawn_face import blotched, blurred, crumbed, drawn_face, glinting, noisy, relit, tiled

FRAMES = 4
IDEAL = {"tiles": 1, "blotches": 0, "sharpness": 1, "sharpness_mouth": 1, "added_noise": 0, "clipped": 0, "coloured": 0}
ALLOWED = {
    "tiles": (0.9, 1.1),
    "blotches": (0, 4),
    "sharpness": (0.85, 1.15),
    "sharpness_mouth": (0.85, 1.15),
    "added_noise": (-1, 1),
    "clipped": (-0.3, 0.3),
    "coloured": (-0.3, 0.3),
}
# fault: what it does to frame f of picture i with landmarks p, and which figures must say so
FAULTS = {
    "none": (lambda i, p, f: i, set()),
    "other light": (lambda i, p, f: relit(i), set()),
    "16 tiles across": (lambda i, p, f: tiled(i, 16, frame=f), {"tiles"}),
    "32 tiles across": (lambda i, p, f: tiled(i, 32, frame=f), {"tiles"}),
    "8 tiles across": (lambda i, p, f: tiled(i, 8, 6, frame=f), {"tiles"}),
    "blurred": (lambda i, p, f: blurred(i), {"sharpness", "sharpness_mouth"}),
    "noisy": (lambda i, p, f: noisy(i, frame=f), {"added_noise"}),
    "blotched": (lambda i, p, f: blotched(i, frame=f), {"blotches"}),
    "glinting": (lambda i, p, f: glinting(i, p, f), {"clipped"}),
    "crumbed": (lambda i, p, f: crumbed(i, p, f), {"coloured"}),
}


def measured(fault: str, size: int) -> dict[str, float]:
    figures = PictureFigures(size)
    for frame in range(FRAMES):
        target, points = drawn_face(size, frame)
        figures.look(FAULTS[fault][0](target, points, frame), target, points, points)
    assert figures.frames == FRAMES
    return figures.figures()


@pytest.mark.parametrize("size", [160, 256, 384])
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails_its_figure_and_no_other(fault, size):
    if fault == "8 tiles across" and size == 160:
        pytest.skip("borders of 8 cells have hardly any pixel there that their overtone could show")
    found = measured(fault, size)
    assert tuple(found) == PICTURE_FIGURES
    failed = {name for name, (low, high) in ALLOWED.items() if not low <= found[name] <= high}
    assert failed == FAULTS[fault][1], found


def test_the_target_beside_itself_is_ideal():
    assert measured("none", 256) == pytest.approx(IDEAL, abs=1e-6)


def test_no_face_gives_no_figure():
    figures = PictureFigures(128)
    assert all(np.isnan(value) for value in figures.figures().values())
    black, far = np.zeros((128, 128, 3), np.uint8), np.full((68, 2), -500, np.float32)
    figures.look(black, black, far, far)
    assert all(np.isnan(value) for value in figures.figures().values())
