"""metrics/lip_dynamics.py"""

import numpy as np
import pytest

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.metrics.lip_dynamics import lip_dynamics

STILL = np.repeat(template_landmarks(256)[None], 100, axis=0).astype(np.float64)


def talking(strength: float) -> np.ndarray:
    """The lower lip goes up and down, by `strength` eye distances at most."""
    points = STILL.copy()
    points[:, [56, 57, 58, 65, 66, 67], 1] += strength * interocular(STILL)[:, None] * (np.arange(100) % 2)[:, None]
    return points


def test_a_still_has_none_and_more_movement_has_more():
    assert lip_dynamics(STILL) == pytest.approx(0, abs=1e-9)
    assert 0 < lip_dynamics(talking(0.1)) < lip_dynamics(talking(0.2))


def test_heads_do_not_count():
    moved = talking(0.2) * np.linspace(1, 2, 100)[:, None, None] + np.arange(100)[:, None, None]
    assert lip_dynamics(moved) == pytest.approx(lip_dynamics(talking(0.2)))


def test_golden_value():
    """One point goes half an eye distance along the line through another: the 19 pairs that it is in, written out."""
    points = STILL.copy()
    points[::2, 66, 1] += 0.5 * interocular(STILL)[0]
    shape = points[:, 48:68] / interocular(STILL)[0]
    pairs = [np.linalg.norm(shape[:, a] - shape[:, b], axis=1).var() for a in range(20) for b in range(a)]
    assert lip_dynamics(points) == pytest.approx(1e4 * np.mean(pairs)) and len(pairs) == 190


def test_minutes_are_taken_in_blocks():
    """A head that comes nearer the wide angle of a camera by and by changes the shape of a mouth, and is no lips."""
    slow = np.repeat(talking(0.1), 10, axis=0)
    slow[:, 60:68, 1] += np.linspace(0, 20, 1000)[:, None]
    whole = lip_dynamics(slow)
    assert whole == pytest.approx(np.mean([lip_dynamics(half) for half in np.split(slow, 2)]))
    assert np.isnan(lip_dynamics(STILL[:24]))
