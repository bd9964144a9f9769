"""Windows around the face boxes of a clip."""

import numpy as np
import pytest

from swaptalk_models.data.faces.hdtf_window import face_window, union_window
from swaptalk_models.data.media.video import read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import FacesConfig

CONFIG = FacesConfig(detect_every=1, max_gap=0)


def on_a_canvas(path, frames, size, where):
    """Writes frames (T, h, w, 3) into a grey picture of ``size`` (W, H), frame k at ``where(k)`` (x, y)."""
    with VideoWriter(path, *size) as writer:
        for k, frame in enumerate(frames):
            canvas = np.full((size[1], size[0], 3), 110, np.uint8)
            x, y = where(k)
            canvas[y : y + frame.shape[0], x : x + frame.shape[1]] = frame
            writer.write(canvas)
    return path


def test_union_window():
    boxes = np.array([[40, 40, 80, 90], [50, 30, 100, 80]], np.float32)
    assert union_window(boxes, 1.0, 200, 200) == (40, 30, 60, 60)
    assert union_window(boxes, 1.5, 200, 200) == (25, 15, 90, 90)
    assert union_window(boxes, 9.0, 300, 200) == (0, 0, 200, 200)


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    """A head of 256 px that jumps 150 px to the right after one second of two."""
    folder = tmp_path_factory.mktemp("moving")
    (phantom,) = write_corpus(folder, people=1, seconds=1.0)
    frames = np.concatenate(list(read_frames(phantom)))
    return on_a_canvas(folder / "a.mp4", [*frames, *frames], (640, 360), lambda k: (100 + 150 * (k >= 25), 60))


def test_window_holds_the_head_all_the_time(moving):
    x, y, width, height = face_window(moving, None, None, 1.2, CONFIG)
    assert width == height
    assert 80 <= x <= 160 and 440 <= x + width <= 540 and y < 90 and y + height > 240


def test_only_the_span_counts_and_zoom_widens(moving):
    first, second = face_window(moving, 0.0, 1.0, 1.2, CONFIG), face_window(moving, 1.0, 2.0, 1.2, CONFIG)
    assert second[0] - first[0] == pytest.approx(150, abs=12) and second[2] == pytest.approx(first[2], abs=12)
    assert face_window(moving, 0.0, 1.0, 0.8, CONFIG)[2] == pytest.approx(first[2] * 0.8 / 1.2, abs=2)


def test_nobody_there(tmp_path):
    path = on_a_canvas(tmp_path / "a.mp4", np.zeros((30, 8, 8, 3), np.uint8), (320, 240), lambda k: (0, 0))
    with pytest.raises(BadClip, match="a.mp4: no face found"):
        face_window(path, None, None, 1.2, CONFIG)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "window", "size"),
    [("WDA_KatieHill_000", (384, 0, 549, 549), (1280, 720)), ("WRA_SteveDaines0_000", (665, 32, 594, 594), (1920, 1080)),
     ("RD_Radio21_000", (493, 0, 425, 425), (1280, 720))],
)  # fmt: skip
def test_window_is_near_the_published_one(real_clips, tmp_path, name, window, size):
    """Published crops, put back where they were cut from: about the published window is found again."""
    import cv2

    frames = np.concatenate(list(read_frames(real_clips / "clips" / f"{name}.mp4")))[::12]
    frames = [cv2.resize(frame, window[2:]) for frame in frames]
    path = on_a_canvas(tmp_path / "a.mp4", frames, size, lambda k: window[:2])
    found = np.array(face_window(path, None, None, 1.2, FacesConfig(detect_every=1, max_gap=0)))
    truth = np.array(window)
    inner = np.minimum(found[:2] + found[2:], truth[:2] + truth[2:]) - np.maximum(found[:2], truth[:2])
    shared = inner.prod()
    assert shared / (found[2:].prod() + truth[2:].prod() - shared) > 0.6
