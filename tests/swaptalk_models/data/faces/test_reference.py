"""data/faces/reference.py"""

import numpy as np

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.data.sound.mel import centred_windows, mel_window


def test_the_frame_is_the_third_of_five():
    mel = np.random.default_rng(0).uniform(-4, 4, (200, 80)).astype(np.float32)
    windows = centred_windows(mel, np.array([2, 10, 31]))
    assert windows.shape == (3, 16, 80)
    for window, frame in zip(windows, (2, 10, 31), strict=True):
        assert np.array_equal(window, mel_window(mel, frame - 2))


def test_the_window_lies_around_its_frame():
    """Frame f is on show from f / 25 to (f + 1) / 25 s, step i is centred on i / 80 s: never more than a step off."""
    time = np.repeat(np.arange(400, dtype=np.float32)[:, None] / 80, 80, axis=1)
    frames = np.arange(5, 100)
    middle = centred_windows(time, frames)[:, :, 0].mean(1)
    assert np.abs(middle - (frames + 0.5) / 25).max() <= 1 / 80 + 1e-6


def test_ends_are_repeated():
    mel = np.arange(40, dtype=np.float32)[:, None].repeat(80, axis=1)
    first, last = centred_windows(mel, np.array([0, 100]))[:, :, 0]
    assert first[:6].tolist() == [0] * 6 and first[7] > 0
    assert (last == 39).all()


def faces(opening, shift) -> np.ndarray:
    """(T, 68, 2): mouths open by so many px, heads moved by so many px."""
    landmarks = np.repeat(template_landmarks(64)[None], len(opening), axis=0)
    landmarks[:, 66, 1] = landmarks[:, 62, 1] + np.float32(opening)
    return landmarks + np.float32(shift)[:, None, None]


def test_reference_has_a_closed_mouth_and_a_typical_pose():
    opening = [5, 6, 0.1, 0.2, 7, 5, 0.0, 6, 5, 5, 7, 6]
    shift = [0, 0, 9, 0, 0, 0, -8, 0, 0, 0, 0, 0]
    assert reference_frame(faces(opening, shift)) == 3, "nearly closed; the two tighter ones have moved away"


def test_reference_of_a_single_frame():
    assert reference_frame(faces([4], [0])) == 0
