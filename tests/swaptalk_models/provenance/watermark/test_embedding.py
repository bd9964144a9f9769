"""provenance/watermark/embedding.py"""

import numpy as np
import pytest

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.provenance.watermark.embedding import Watermark


@pytest.fixture(scope="module")
def marked(talking, track):
    watermark = Watermark("deadbeef", track)
    return [watermark.on(frame, number, number) for number, frame in enumerate(talking[:8])]


def change(marked, talking) -> np.ndarray:
    return np.array([np.subtract(after, before, dtype=int) for after, before in zip(marked, talking, strict=False)])


def test_only_the_face_changes_and_little(marked, talking, track):
    difference = change(marked, talking)
    x0, y0, x1, y1 = track.box[:8].mean(axis=0).astype(int)
    room = (x1 - x0) // 3
    outside = np.ones(difference.shape[1:3], bool)
    outside[y0 - room : y1 + room, x0 - room : x1 + room] = False
    assert not difference[:, outside].any()
    assert 2 <= np.abs(difference).max() <= 4
    assert 10 * np.log10(255**2 / (difference**2).mean()) > 44


def test_brightness_alone_changes(marked, talking):
    inner = np.all((np.array(talking[:8]) > 8) & (np.array(talking[:8]) < 247), axis=-1)
    difference = change(marked, talking)
    assert (np.ptp(difference, axis=-1)[inner] == 0).all(), "the same in red, green and blue"
    assert abs(difference.mean()) < 0.02, "as much lighter as darker"


def test_signs_turn_round_with_the_carrier(marked, talking):
    grey = change(marked, talking)[..., 1].astype(float)
    likeness = [[float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))) for a in grey[:4]] for b in grey[:4]]
    assert likeness[0][1] > 0.6 and likeness[2][3] > 0.6 and likeness[0][2] < -0.6 and likeness[1][3] < -0.6


def test_the_number_in_the_output_counts_not_that_in_the_target(talking, track):
    """A target that goes back and forth must not stop the carrier."""
    watermark = Watermark("deadbeef", track)
    there, back = (np.subtract(watermark.on(talking[5], number, 5), talking[5], dtype=int) for number in (4, 6))
    assert np.sum(there * back) < 0


def test_a_face_half_outside_of_the_frame(talking, track):
    moved = track.landmarks - np.array([140, 0], np.float32)
    half = FaceTrack(track.box - np.array([140, 0, 140, 0]), moved, track.confidence, track.status)
    frame = np.ascontiguousarray(talking[0][:, 140:])
    assert np.any(Watermark("deadbeef", half).on(frame, 0, 0) != frame)
    outside = FaceTrack(track.box - 2000, track.landmarks - 2000, track.confidence, track.status)
    assert np.array_equal(Watermark("deadbeef", outside).on(frame, 0, 0), frame)


def test_it_never_wraps_around_at_black_and_white(track):
    for level in (0, 255):
        frame = np.full((288, 288, 3), level, np.uint8)
        assert np.abs(np.subtract(Watermark("deadbeef", track).on(frame, 0, 0), frame, dtype=int)).max() <= 4
