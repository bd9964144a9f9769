"""A drawn person who speaks and moves, followed; and what a video writer makes of frames."""

from pathlib import Path

import numpy as np
import pytest

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.settings.data import FacesConfig

SIZE, FRAMES = 288, 60
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


def draw(person: int, frames: int = FRAMES) -> list[np.ndarray]:
    """Frames (288, 288, 3) uint8, with a camera's grain."""
    renderer, rng = Renderer(make_person(person), size=SIZE), np.random.default_rng(person)
    drawn = []
    for number in range(frames):
        pose = {"opening": 0.5 + 0.5 * np.sin(1.3 * number), "roll": 0.03 * np.sin(0.2 * number)}
        image, _ = renderer.frame(STILL | pose | {"shift_x": 0.01 * np.sin(0.15 * number)})
        drawn.append(np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8))
    return drawn


@pytest.fixture(scope="session")
def talking() -> list[np.ndarray]:
    """To be read only."""
    return draw(4)


@pytest.fixture(scope="session")
def track(talking) -> FaceTrack:
    return track_faces([np.stack(talking[start : start + 16]) for start in range(0, len(talking), 16)], FacesConfig())


def write(path: Path, frames, crf: int = 18, finish=None) -> Path:
    """An mp4 of these frames, with a quiet sound."""
    height, width = frames[0].shape[:2]
    sound = np.random.default_rng(0).normal(0, 0.05, len(frames) * 640).clip(-1, 1)
    with VideoWriter(path, width, height, audio=sound, crf=crf, finish=finish) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def write_video():
    return write


def read(path: Path) -> list[np.ndarray]:
    return [frame for batch in frames_at_25(path) for frame in batch]


@pytest.fixture(scope="session")
def frames_of():
    return read
