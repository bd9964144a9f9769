"""metrics/flicker.py, landmark_jitter.py, drift.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.drift import by_minute, frames_to_sample, identity_drift, to_beginning
from swaptalk_models.metrics.flicker import Flicker
from swaptalk_models.metrics.landmark_jitter import landmark_jitter
from tests.swaptalk_models.metrics.drawn_face import drawn_face

FACE, POINTS = drawn_face()
FACE = FACE.astype(np.float32)


def flicker(frames, numbers=None) -> dict[str, float]:
    seen = Flicker()
    for number, frame in zip(numbers or range(len(frames)), frames, strict=True):
        seen.look(number, np.clip(frame, 0, 255).round().astype(np.uint8), POINTS)
    return seen.figures()


def test_what_jumps_to_and_fro_flickers_and_what_changes_steadily_does_not():
    still = flicker([FACE] * 6)
    assert still == {"flicker": 0, "rim_flicker": 0}
    brighter = flicker([FACE + 3 * number for number in range(6)])
    assert max(brighter.values()) < 0.6, "rounding alone"
    jumping = flicker([FACE + 4 * (number % 2) for number in range(6)])
    assert jumping == pytest.approx({"flicker": 4, "rim_flicker": 4}, abs=0.4)


def test_a_rim_that_flickers_is_told_from_a_face_that_does():
    y, x = np.mgrid[:256, :256] / 255
    outline = np.abs(np.hypot((x - 0.5) / 0.34, (y - 0.42) / 0.49) - 1) < 0.1
    rim = flicker([FACE + 12 * (number % 2) * outline[..., None] for number in range(6)])
    assert rim["rim_flicker"] > 3 * rim["flicker"]
    nose = (np.hypot(x - 0.5, y - 0.5) < 0.14)[..., None]
    inside = flicker([FACE + 12 * (number % 2) * nose for number in range(6)])
    assert inside["flicker"] > 10 * inside["rim_flicker"]


def test_only_neighbours_are_compared():
    frames = [FACE + 20 * (number % 2) for number in range(4)]
    assert np.isnan(flicker(frames, [0, 2, 4, 6])["flicker"]) and np.isnan(flicker(frames[:2])["flicker"])
    seen = Flicker()
    for number in (0, 1, 2, 9, 10, 11):
        seen.look(number, FACE.astype(np.uint8), POINTS)
    assert seen.triples == 2


def test_jitter_of_points_that_should_be_steady():
    eyes = np.linalg.norm(POINTS[36:42].mean(axis=0) - POINTS[42:48].mean(axis=0))
    moving = POINTS + np.arange(40)[:, None, None] * np.array([2.0, 0.5])
    seen = np.ones(40, bool)
    assert landmark_jitter(moving, seen) == pytest.approx(0, abs=1e-9), "a head may move"
    shaking = moving.copy()
    shaking[::2, :, 0] += 0.03 * eyes
    assert landmark_jitter(shaking, seen) == pytest.approx(3, rel=0.01)
    talking = moving.copy()
    talking[::2, 48:, 1] += 9
    assert landmark_jitter(talking, seen) == pytest.approx(0, abs=1e-9), "lips may, too"
    assert np.isnan(landmark_jitter(moving, np.arange(40) % 3 > 0)) and np.isnan(landmark_jitter(moving[:2], seen[:2]))


def turning(start: float, end: float, count: int = 30) -> np.ndarray:
    angles = np.radians(np.linspace(start, end, count))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_drift_is_told_from_flicker():
    times = np.arange(30) * 2.0
    assert identity_drift(turning(0, 0), times, 60) == pytest.approx(0)
    assert identity_drift(turning(0, 40), times, 60) == pytest.approx(-26, abs=1), (
        "cosine from 1 to about 0.8, by a line"
    )
    rng = np.random.default_rng(0)
    noisy = turning(0, 0) + rng.normal(0, 0.2, (30, 2))
    assert abs(identity_drift(noisy, times, 60)) < 8
    assert np.isnan(identity_drift(turning(0, 40, 9), times[:9], 60))


def test_minute_by_minute():
    times = np.arange(0, 180, 5.0)
    embeddings = turning(0, 60, len(times))
    minutes = by_minute(to_beginning(embeddings), times)
    assert len(minutes) == 3 and minutes[0] > 99 > minutes[1] > minutes[2]
    assert by_minute(np.array([1.0, 3.0, 5.0]), np.array([0, 59.9, 130])) == [2.0, 5.0]
    assert frames_to_sample(24, 250) == 24 and frames_to_sample(24, 15000) == 120
