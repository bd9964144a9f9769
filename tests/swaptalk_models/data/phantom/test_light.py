import dataclasses

import numpy as np
import pytest

from swaptalk_models.data.phantom.canvas import Canvas, bump
from swaptalk_models.data.phantom.light import cast_shadow, develop, normals, scatter, shoulder
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.sculpt import light_relief, turn_gain

CANVAS = Canvas(128)


def _lit_from(azimuth: float):
    person = make_person(3)
    return dataclasses.replace(
        person, light=dataclasses.replace(person.light, azimuth=azimuth, softness=0.2, fill=0.15)
    )


def test_lamps_stand_on_either_side_high_and_low_warm_and_cool():
    lamps = [make_person(k).light for k in range(40)]
    azimuth = np.degrees([lamp.azimuth for lamp in lamps])
    assert azimuth.min() < -40 and azimuth.max() > 40 and np.abs(np.median(azimuth)) < 15
    assert np.ptp(np.degrees([lamp.elevation for lamp in lamps])) > 25
    assert min(lamp.warmth for lamp in lamps) < -0.3 < 0.5 < max(lamp.warmth for lamp in lamps)
    assert np.ptp([lamp.exposure for lamp in lamps]) > 0.4


@pytest.mark.parametrize("azimuth", [-0.9, 0.9])
def test_the_side_towards_the_lamp_is_brighter(azimuth):
    light = light_relief(_lit_from(azimuth), CANVAS).light
    left, right = (light[CANVAS.window(u, u + 0.3, 0.1, 0.4)].mean() for u in (-0.55, 0.25))
    assert (right > 1.3 * left) if azimuth > 0 else (left > 1.3 * right)


def test_a_hill_throws_its_shadow_away_from_the_lamp():
    hill = 0.3 * bump(CANVAS.u, CANVAS.v, 0, 0, 0.08, 0.08).astype(np.float32)
    reaches = cast_shadow(hill, CANVAS.unit, dataclasses.replace(_lit_from(1.0).light, elevation=0.2))
    lee, facing = (reaches[CANVAS.window(u - 0.05, u + 0.05, -0.05, 0.05)].mean() for u in (-0.22, 0.22))
    assert lee < 0.8 and facing > 0.98


def test_skin_spreads_red_light_furthest():
    edge = np.zeros((128, 128, 3), np.float32)
    edge[:, 64:] = 1
    soft = scatter(edge, CANVAS)
    in_the_dark = soft[64, 63]
    assert in_the_dark[0] > in_the_dark[1] > in_the_dark[2] > 0


def test_development_keeps_order_and_never_clips_to_a_plateau():
    level = np.linspace(0, 2.0, 400, dtype=np.float32)
    assert (np.diff(shoulder(level)) > 0).all() and shoulder(level).max() < 1
    screen = develop(level)
    assert screen.dtype == np.uint8 and (np.diff(screen.astype(int)) >= 0).all() and screen[0] == 0


def test_normals_of_a_slope():
    slope = np.broadcast_to(np.arange(16, dtype=np.float32) / 8, (16, 16))
    assert np.allclose(normals(slope, 8)[8, 8], np.array((-1, 0, 1)) / np.sqrt(2), atol=1e-5)


def test_lamps_stay_put_while_the_head_turns():
    gain = turn_gain(_lit_from(0.9), CANVAS)
    left = gain[CANVAS.window(-0.45, -0.25, 0.1, 0.3)].mean()
    assert left > 0.15, "turned right, the left cheek comes round to a lamp at the right"
    mirrored = turn_gain(_lit_from(-0.9), CANVAS)[CANVAS.window(0.25, 0.45, 0.1, 0.3)].mean()
    assert mirrored < -0.15
    assert np.abs(gain[0]).max() < 1e-3, "nothing off the head"
