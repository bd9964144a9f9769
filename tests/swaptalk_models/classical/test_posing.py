"""classical/posing.py: the source holds its face as the target's frame does."""

import cv2
import numpy as np
import pytest

from swaptalk_models.classical.outline import in_outline_of
from swaptalk_models.classical.posing import posed_as
from swaptalk_models.classical.warp_swap import destination_shape
from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.landmarks import mouth_opening

from .test_outline import SIZE, drawn, narrow

REST = template_landmarks(SIZE, -0.06)
TEETH = (250, 250, 250)


def with_open_mouth(points: np.ndarray, by: float = 24.0) -> np.ndarray:
    """Landmarks with the lower lip, and half of that the chin, lower by so many pixels."""
    points = points.copy()
    points[[55, 56, 57, 58, 59, 65, 66, 67], 1] += by
    points[6:11, 1] += by / 2
    return points


def with_closed_lids(points: np.ndarray) -> np.ndarray:
    points = points.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[upper] = points[lower] - [0, 0.5]
    return points


def target_picture(points: np.ndarray) -> np.ndarray:
    """A face whose teeth show between its lips."""
    image = drawn(points)
    cv2.fillPoly(image, [np.round(points[60:68]).astype(np.int32)], TEETH)
    return image


def test_at_rest_it_is_the_source_in_the_targets_outline():
    own = narrow(REST)
    bent, points = in_outline_of(drawn(own), own, REST)
    posed, moved = posed_as(drawn(own), own, REST, REST, target_picture(REST))
    assert posed.shape == bent.shape and posed.dtype == np.uint8
    assert np.abs(moved[:48] - points[:48]).max() < 2.5
    assert np.abs(posed.astype(int) - bent).mean() < 6


def test_the_mouth_opens_with_the_targets_and_shows_its_teeth():
    own, frame = narrow(REST), with_open_mouth(REST)
    posed, moved = posed_as(drawn(own), own, REST, frame, target_picture(frame))
    opened = mouth_opening(moved[None])[0] - mouth_opening(own[None])[0]
    wanted = mouth_opening(frame[None])[0] - mouth_opening(REST[None])[0]
    assert opened == pytest.approx(wanted, rel=0.15)
    x, y = np.round(moved[60:68].mean(axis=0)).astype(int)
    assert posed[y, x].min() > 200, "the target's teeth"
    assert np.abs(moved[17:27] - posed_as(drawn(own), own, REST, REST, None)[1][17:27]).max() < 2.5, "brows stay"


def test_lids_close_with_the_targets():
    own, frame = narrow(REST), with_closed_lids(REST)
    open_eyes, _ = posed_as(drawn(own), own, REST, REST, drawn(REST))
    posed, moved = posed_as(drawn(own), own, REST, frame, drawn(frame))
    lids = [
        np.linalg.norm(points[[37, 38, 43, 44]] - points[[41, 40, 47, 46]], axis=1).mean() for points in (moved, own)
    ]
    assert lids[0] < 0.3 * lids[1]
    for eye in (slice(36, 42), slice(42, 48)):
        x, y = np.round(moved[eye].mean(axis=0)).astype(int)
        around = np.s_[y - 6 : y + 7, x - 10 : x + 11]
        dark = [(picture[around].mean(axis=2) < 110).mean() for picture in (open_eyes, posed)]
        assert dark[1] < 0.5 * dark[0], "a lid of skin where the dark eye was"


def test_jaw_and_features_go_where_the_teacher_puts_them():
    own, turned = narrow(REST), with_open_mouth(REST)
    turned[27:48, 0] += 6  # nose and eyes to one side, the outline stays: a turn
    _, moved = posed_as(drawn(own), own, REST, turned, drawn(turned))
    assert np.abs(moved[:17] - turned[:17]).max() < 3
    assert np.abs(moved[17:] - destination_shape(own, turned, REST)[17:]).max() < 1e-3


def test_a_mouth_that_another_has_made_is_not_asked_for():
    """Where lips were made before the swap, the frame's own say nothing: the source's stay."""
    own, frame = narrow(REST), with_open_mouth(REST)
    posed, moved = posed_as(drawn(own), own, REST, frame, None)
    assert mouth_opening(moved[None])[0] == pytest.approx(mouth_opening(own[None])[0], rel=0.1)
    x, y = np.round(moved[60:68].mean(axis=0)).astype(int)
    assert posed[y, x].max() < 110, "its own dark mouth, no teeth of the target's"


def test_the_face_does_not_tear_at_its_rim():
    own, frame = narrow(REST), with_open_mouth(REST)
    posed, moved = posed_as(drawn(own), own, REST, frame, drawn(frame))
    for share in (0.85, 0.9, 0.95):  # skin up to the jaw, wherever it went
        x, y = np.round(moved[30] + share * (moved[4:13] - moved[30])).astype(int).T
        assert (posed[y.clip(0, SIZE - 1), x.clip(0, SIZE - 1), 0] > 150).all()
