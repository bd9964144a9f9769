"""The head as a relief: outline, depth, light, and the skin that is painted on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from swaptalk_models.data.phantom.canvas import Canvas, bump, over, smoothstep
from swaptalk_models.data.phantom.people import Person


@dataclass(frozen=True)
class Relief:
    """`reach`: 0 in the middle of the head, 1 on its outline; `depth`: height towards the camera (units); (side, side).

    `light`: what falls on the surface, about 1 where it faces the lamp; `gloss`: mirror-like part, 0..1.
    """

    reach: np.ndarray
    depth: np.ndarray
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
    depth = 0.62 * np.sqrt(np.maximum(1 - inside**2.4, 0))
    p = person
    depth = depth + 0.035 * bump(u, v, 0, p.eye_y - 0.17, 0.42, 0.07)
    for side in (-1, 1):
        ex = side * p.eye_x
        depth -= (0.05 + 0.06 * p.eye_depth) * bump(u, v, ex * 0.96, p.eye_y - 0.02, 0.13, 0.085)
        depth += 0.055 * bump(u, v, ex, p.eye_y, 0.085, 0.055)
        depth += (0.035 + 0.05 * p.fullness) * bump(u, v, side * 0.42, 0.20, 0.16, 0.13)
        depth -= (0.05 - 0.05 * p.fullness) * bump(u, v, side * 0.46, 0.50, 0.14, 0.16)
    depth += _nose(p, u, v)
    depth += 0.05 * bump(u, v, 0, p.mouth_y, p.mouth_width * 0.9, 0.13)
    depth -= 0.018 * bump(u, v, 0, (p.nose_y + p.mouth_y) / 2, 0.025, 0.05)
    groove = p.mouth_y + p.lower_lip + 0.075
    depth -= 0.012 * bump(u, v, 0, groove, 0.14, 0.04)
    depth += 0.035 * bump(u, v, 0, (groove + p.chin_length) / 2 + 0.03, 0.10 + 0.2 * p.chin_width, 0.08)
    depth += _folds(p, u, v)
    return reach.astype(np.float32), depth.astype(np.float32)


def _nose(p: Person, u, v) -> np.ndarray:
    top, tip = p.eye_y - 0.03, p.nose_y - 0.045
    along = np.clip((v - top) / (tip - top), 0, 1)
    height = p.nose_height * (0.28 + 0.72 * along**1.2)
    width = p.nose_bridge * (0.75 + 0.45 * along)
    ridge = (
        height
        * np.exp(-0.5 * (u / width) ** 2)
        * smoothstep(v, top - 0.10, top + 0.05)
        * (1 - smoothstep(v, tip, p.nose_y + 0.03))
    )
    ball = 0.055 + 0.035 * p.nose_tip
    nose = ridge + (0.06 + 0.08 * p.nose_tip) * bump(u, v, 0, tip, ball, ball * 0.9)
    for side in (-1, 1):
        nose = nose + 0.085 * bump(u, v, side * (p.nose_width - 0.035), p.nose_y - 0.035, 0.042, 0.042)
    return nose


def _folds(p: Person, u, v) -> np.ndarray:
    """Lines from nose to mouth, under the eyes and on the forehead: deeper with age."""
    lines = 0.0
    for side in (-1, 1):
        for t in np.linspace(0, 1, 6):
            fu = side * (p.nose_width + 0.03 + (p.mouth_width * 0.55) * t**1.3)
            fv = p.nose_y - 0.03 + (p.mouth_y - p.nose_y + 0.02) * t
            lines = lines - (0.006 + 0.016 * p.wrinkles) * bump(u, v, fu, fv, 0.026, 0.040)
        lines = lines - (0.006 + 0.018 * p.wrinkles) * bump(u, v, side * p.eye_x, p.eye_y + 0.13, 0.10, 0.018)
    if p.wrinkles > 0.1:
        for row in range(3):
            v0 = p.eye_y - 0.38 - 0.10 * row + 0.03 * (u / 0.4) ** 2
            lines = lines - 0.008 * p.wrinkles * np.exp(-0.5 * (u / 0.26) ** 2) * np.exp(-0.5 * ((v - v0) / 0.018) ** 2)
    return lines


def light_relief(person: Person, canvas: Canvas) -> Relief:
    """A lamp above on one side, fill light, and shadows from how far each spot lies below its surroundings."""
    reach, depth = depth_map(person, canvas)
    dv, du = np.gradient(depth, 1 / canvas.unit)
    length = np.sqrt(du * du + dv * dv + 1)
    lamp = np.array((0.55 * np.sign(person.light) * (0.4 + 0.6 * abs(person.light)), -0.62, 0.80))
    lamp /= np.linalg.norm(lamp)
    facing = (-du * lamp[0] - dv * lamp[1] + lamp[2]) / length
    half = lamp + (0, 0, 1)
    half /= np.linalg.norm(half)
    mirror = np.clip((-du * half[0] - dv * half[1] + half[2]) / length, 0, 1)
    open_sky = np.clip(
        1 + 3.0 * (depth - canvas.blur(depth, 0.10)) + 1.2 * (depth - canvas.blur(depth, 0.3)), 0.55, 1.15
    )
    # Cast shadows fall below what sticks out: nose over lip, brow over eye, lower lip over chin.
    shifted = np.roll(depth, round(0.10 * canvas.unit), axis=0)
    cast = 1 - 0.20 * canvas.blur(smoothstep(shifted - depth, 0.03, 0.14), 0.02) * (reach < 0.97)
    light = np.clip((facing + 0.42) / 1.42, 0.12, None) * open_sky * cast
    return Relief(reach, depth, light.astype(np.float32), (mirror**28).astype(np.float32))


def shade(colour: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Albedo (..., 3) under `light`: warm where bright, and red in the half-shadows as skin is."""
    level = (0.26 + 0.86 * light)[..., None]
    return colour * level ** np.array((0.86, 1.04, 1.10), np.float32)


def paint_skin(person: Person, canvas: Canvas, relief: Relief) -> np.ndarray:
    """Lit skin without brows, eyes, lips and hair: (side, side, 3) float32 0..1."""
    p, u, v = person, canvas.u, canvas.v
    skin = np.empty((canvas.side, canvas.side, 3), np.float32)
    skin[:] = p.skin
    base = np.array(p.skin)
    rosy = np.clip(base * (1.02, 0.74, 0.72), 0, 1)
    red = 0.6 * bump(u, v, 0, p.nose_y - 0.05, 0.09, 0.07)
    for side in (-1, 1):
        red = red + bump(u, v, side * 0.44, 0.24, 0.17, 0.12)
    over(skin, rosy, np.clip((0.12 + 0.5 * p.blush) * red, 0, 1))
    lid = sum(bump(u, v, s * p.eye_x, p.eye_y - 0.045, 0.12, 0.055) for s in (-1, 1))
    over(skin, base * (0.62, 0.50, 0.52), 0.75 * p.eye_shadow * np.clip(lid, 0, 1))
    under = sum(bump(u, v, s * p.eye_x * 0.97, p.eye_y + 0.095, 0.10, 0.035) for s in (-1, 1))
    over(skin, base * (0.74, 0.62, 0.64), np.clip((0.25 + 0.4 * p.wrinkles) * under, 0, 1))
    if p.freckles > 0:
        over(skin, base * (0.70, 0.55, 0.45), _freckles(p, canvas))
    lit = shade(skin, relief.light)
    lit += (0.16 * relief.gloss)[..., None] * np.array((1.0, 0.97, 0.92), np.float32)
    for side in (-1, 1):
        nostril = bump(u, v, side * p.nose_width * 0.46, p.nose_y + 0.005, 0.035 + 0.09 * p.nose_width, 0.019)
        over(lit, base * (0.22, 0.13, 0.12), 0.9 * smoothstep(nostril, 0.25, 0.8))
        wing = bump(u, v, side * (p.nose_width + 0.008), p.nose_y - 0.035, 0.016, 0.05)
        over(lit, base * (0.50, 0.36, 0.33), 0.55 * wing)
    over(lit, base * (0.45, 0.30, 0.28), 0.45 * bump(u, v, 0, p.nose_y + 0.022, p.nose_width * 0.7, 0.016))
    if p.mole:
        over(lit, base * (0.38, 0.26, 0.22), canvas.cover(0.022 - np.hypot(u - p.mole[0], v - p.mole[1]), 0.008))
    return lit


def _freckles(p: Person, canvas: Canvas) -> np.ndarray:
    """A few soft dots over nose and cheeks; large enough to survive a small crop as a tint."""
    rng = np.random.default_rng([p.index, 77])
    dots = np.zeros((canvas.side, canvas.side), np.float32)
    for _ in range(26):
        fu, fv = rng.normal(0, 0.28), rng.normal(0.17, 0.07)
        rows, columns = canvas.window(fu - 0.06, fu + 0.06, fv - 0.06, fv + 0.06)
        dots[rows, columns] += bump(canvas.u[:, columns], canvas.v[rows], fu, fv, 0.014, 0.014)
    return np.clip(dots, 0, 1) * 0.55 * min(1.0, p.freckles + 0.3)
