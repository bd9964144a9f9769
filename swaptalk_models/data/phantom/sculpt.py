"""The head as a relief: outline, depth, and the light on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from swaptalk_models.data.phantom.canvas import Canvas, bump, smoothstep
from swaptalk_models.data.phantom.light import cast_shadow, normals, open_sky, scatter
from swaptalk_models.data.phantom.noise import clouds
from swaptalk_models.data.phantom.people import Person


@dataclass(frozen=True)
class Relief:
    """`reach`: 0 in the middle of the head, 1 on its outline; `depth`: height towards the camera (units); (side, side).

    `normal`: (side, side, 3) unit vectors, pores and lines included. `light`: (side, side, 3) linear light that the
    surface gets, shadows and scattering included. `gloss`: (side, side) mirror-like part of the key lamp.
    """

    reach: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    light: np.ndarray
    gloss: np.ndarray


def outline_radius(person: Person, angle: np.ndarray) -> np.ndarray:
    """Distance (units) from the middle to the head's outline; `angle` 0 is up, pi the chin."""
    width, top = person.face_width, person.forehead
    # The crown is a superellipse, a little squarer than an egg; cheekbone, jaw corner and chin are set point by point.
    knots = [
        (a, (np.abs(np.sin(a) / width) ** 2.35 + np.abs(np.cos(a) / top) ** 2.35) ** (-1 / 2.35))
        for a in np.radians((0, 20, 40, 60, 80))
    ]
    jaw = width * person.jaw_width * (0.86 + 0.08 * person.fullness)
    points = [
        (width * 0.985, 0.18),
        (jaw, 0.56),
        (person.chin_width * 1.08, 0.90 * person.chin_length),
        (0.0, person.chin_length),
    ]
    knots += [(np.pi / 2 + np.arctan2(v, u), np.hypot(u, v)) for u, v in points]
    a, r = (np.array(x) for x in zip(*knots, strict=True))
    # Even about the vertical axis: mirror the knots and close the curve.
    a, r = np.concatenate([a, (2 * np.pi - a[1:-1])[::-1], [2 * np.pi]]), np.concatenate([r, r[1:-1][::-1], r[:1]])
    curve = CubicSpline(a, r, bc_type="periodic")
    table = np.linspace(0, np.pi, 400)
    return np.interp(np.abs(angle), table, curve(table)).astype(np.float32)


def depth_map(person: Person, canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """-> (reach, depth): the skull's dome with brow, sockets, nose, cheeks, lips' mound and chin raised on it."""
    u, v = canvas.u, canvas.v
    angle = np.arctan2(np.abs(u), -v)
    reach = np.sqrt(u * u + v * v) / outline_radius(person, angle)
    inside = np.minimum(reach, 1.0)
    depth = 0.70 * np.sqrt(np.maximum(1 - inside**2.4, 0))
    p = person
    soft = 1.0 if p.feminine else 0.0
    depth = depth + (0.045 - 0.020 * soft) * bump(u, v, 0, p.eye_y - 0.17, 0.42, 0.07)
    for side in (-1, 1):
        ex = side * p.eye_x
        depth -= (0.07 + 0.06 * p.eye_depth) * bump(u, v, ex * 0.92, p.eye_y - 0.04, 0.13, 0.080)
        depth -= (0.03 + 0.02 * p.eye_depth) * bump(u, v, side * 0.12, p.eye_y - 0.01, 0.045, 0.07)
        depth += 0.055 * bump(u, v, ex, p.eye_y, 0.095, 0.060)
        depth += (0.065 + 0.04 * p.fullness) * bump(u, v, side * 0.40, 0.17, 0.15, 0.11)
        depth -= (0.09 - 0.08 * p.fullness) * bump(u, v, side * 0.44, 0.50, 0.13, 0.17)
        # Temples.
        depth -= 0.05 * bump(u, v, side * 0.58, p.eye_y - 0.16, 0.10, 0.16)
        # The cheek rises again outside the fold that runs from nose to mouth.
        depth += (0.012 + 0.012 * p.fullness) * bump(u, v, side * (p.nose_width + 0.16), p.mouth_y - 0.10, 0.09, 0.12)
        # Bags below the eyes.
        depth += (0.004 + 0.014 * p.wrinkles) * bump(u, v, ex, p.eye_y + 0.10, 0.085, 0.025)
    depth += _nose(p, u, v)
    depth += 0.060 * bump(u, v, 0, p.mouth_y, p.mouth_width * 0.95, 0.14)
    for side in (-1, 1):
        depth += 0.010 * bump(u, v, side * 0.045, (p.nose_y + p.mouth_y) / 2, 0.018, 0.07)
        depth -= 0.020 * bump(u, v, side * (p.mouth_width + 0.035), p.mouth_y + 0.01, 0.035, 0.05)
    groove = p.mouth_y + p.lower_lip + 0.075
    depth -= 0.014 * bump(u, v, 0, groove, 0.15, 0.045)
    depth += 0.038 * bump(u, v, 0, (groove + p.chin_length) / 2 + 0.03, 0.10 + 0.2 * p.chin_width, 0.085)
    depth += _folds(p, u, v)
    return reach.astype(np.float32), depth.astype(np.float32)


def _nose(p: Person, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Ridge, tip and wings; the tip's underside is steep, the flanks run out softly into the cheeks."""
    top, tip = p.eye_y - 0.03, p.nose_y - 0.050
    along = np.clip((v - top) / (tip - top), 0, 1)
    height = p.nose_height * (0.30 + 0.60 * along**1.3)
    width = p.nose_bridge * (0.85 + 0.40 * along)
    over_it = smoothstep(v, top - 0.14, top + 0.07) * (1 - smoothstep(v, tip - 0.02, p.nose_y + 0.072))
    ridge = height * (0.75 * np.exp(-0.5 * (u / width) ** 2) + 0.25 * np.exp(-0.5 * (u / (1.9 * width)) ** 2)) * over_it
    ball = 0.058 + 0.026 * p.nose_tip
    nose = ridge + (0.055 + 0.05 * p.nose_tip) * bump(u, v, 0, tip, ball, ball * 0.85)
    for side in (-1, 1):
        nose = nose + 0.060 * bump(u, v, side * (p.nose_width - 0.045), p.nose_y - 0.030, 0.042, 0.045)
    return nose


def _folds(p: Person, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Lines from nose to mouth, under and beside the eyes, between the brows and on the forehead; deeper with age."""
    w = p.wrinkles
    # From the wings of the nose round the corners of the mouth.
    t = np.clip((v - p.nose_y + 0.04) / (p.mouth_y + 0.08 - p.nose_y), 0, 1)
    course = p.nose_width + 0.03 + (p.mouth_width * 0.55) * t**1.3
    ends = smoothstep(v, p.nose_y - 0.08, p.nose_y - 0.01) * (1 - smoothstep(v, p.mouth_y - 0.02, p.mouth_y + 0.10))
    fold = (0.008 + 0.012 * w + 0.006 * p.fullness) * np.exp(-0.5 * ((np.abs(u) - course) / 0.034) ** 2) * ends
    lines = -fold
    for side in (-1, 1):
        lines = lines - (0.004 + 0.012 * w) * bump(u, v, side * p.eye_x, p.eye_y + 0.135, 0.10, 0.014)
        for ray in range(4):
            slope = (ray - 1.5) * 0.30
            out = side * u - p.eye_x - p.eye_width - 0.05
            lines = lines - 0.008 * w * np.exp(-0.5 * ((v - p.eye_y - slope * out) / 0.009) ** 2) * np.exp(
                -0.5 * ((out - 0.05) / 0.035) ** 2
            )
        lines = lines - 0.010 * w * bump(u, v, side * 0.045, p.eye_y - 0.13, 0.009, 0.05)
    if w > 0.05:
        rng = np.random.default_rng([p.index, 31])
        for row in range(4):
            wave = 0.010 * np.sin(7 * u + rng.uniform(0, 6)) + 0.03 * (u / 0.4) ** 2
            v0 = p.eye_y - 0.34 - 0.075 * row - wave + rng.uniform(-0.01, 0.01)
            deep = 0.007 * w * rng.uniform(0.5, 1.2)
            lines = lines - deep * np.exp(-0.5 * (u / 0.28) ** 2) * np.exp(-0.5 * ((v - v0) / 0.012) ** 2)
    return lines


def _roughness(person: Person, canvas: Canvas) -> np.ndarray:
    """Height (units) of pores and fine unevenness: three sizes of noise, stronger where the skin is oily."""
    rng = np.random.default_rng([person.index, 41])
    unit = canvas.unit
    fine = clouds(rng, canvas.side, {0.009 * unit: 0.5, 0.018 * unit: 0.8, 0.045 * unit: 1.0})
    return (0.00055 * (0.4 + person.pores + 0.5 * person.wrinkles)) * fine


def light_relief(person: Person, canvas: Canvas) -> Relief:
    """The person's light on the head: shadows, occlusion, scattering below the skin, and the shine on top of it."""
    reach, depth = depth_map(person, canvas)
    light = person.light
    rough_height = _roughness(person, canvas)
    normal = normals(depth + rough_height, canvas.unit)
    shadow = cast_shadow(depth, canvas.unit, light)
    sky = open_sky(depth, canvas)
    soft = scatter(light.on(normals(depth, canvas.unit), shadow, sky), canvas)
    # Scattering smooths what is broad; the relief of pores and lines stays crisp on top of it.
    rough = light.on(normal, shadow, sky)
    smooth = np.stack([canvas.blur(rough[..., c], 0.030) for c in range(3)], -1)
    crisp = np.clip(rough / np.maximum(smooth, 0.02), 0.6, 1.5)
    level = soft * (0.35 + 0.65 * crisp)
    half = light.direction() + np.array((0, 0, 1), np.float32)
    half /= np.linalg.norm(half)
    even = normals(depth + 0.25 * rough_height, canvas.unit)
    mirror = np.clip(even @ half, 0, 1)
    gloss = (0.55 * mirror**14 + 0.55 * mirror**45) * (1 - 0.6 * light.softness) * shadow * sky
    return Relief(reach, depth, normal, level.astype(np.float32), gloss.astype(np.float32))


def turn_gain(person: Person, canvas: Canvas) -> np.ndarray:
    """Change of the logarithm of the light for one radian of turning, (side, side) float32, 0 off the head.

    The lamps stay where they are when the head turns: what turns towards the key gets brighter.
    """
    reach, depth = depth_map(person, canvas)
    depth = canvas.blur(depth, 0.04)
    normal, step = normals(depth, canvas.unit), 0.15
    levels = [
        np.log(
            np.maximum(person.light.on(normal, cast_shadow(depth, canvas.unit, person.light, t), 1.0, t).mean(-1), 0.05)
        )
        for t in (-step, step)
    ]
    slope = np.clip((levels[1] - levels[0]) / (2 * step), -1.5, 1.5)
    return (canvas.blur(slope, 0.05) * (1 - smoothstep(reach, 0.80, 1.0))).astype(np.float32)
