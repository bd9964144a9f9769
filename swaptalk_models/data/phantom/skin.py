"""Skin: its own colour, blood and pigment in it, marks and stubble on it, and the light on all of that."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, bump, over, smoothstep
from swaptalk_models.data.phantom.light import linear
from swaptalk_models.data.phantom.noise import clouds
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.sculpt import Relief

_BLOOD = np.array((0.10, 0.52, 0.46), np.float32)
"""Optical density (natural logarithm, RGB) of plenty of blood: it takes green and blue."""

_PIGMENT = np.array((0.55, 0.85, 1.10), np.float32)
"""The same of a dark spot of melanin."""

_SHEEN = 0.013
"""Share of the light that the surface throws back without colour, from all sides: what keeps skin from looking dyed."""


def paint_skin(person: Person, canvas: Canvas, relief: Relief) -> np.ndarray:
    """Lit skin without brows, eyes, lips and hair: (side, side, 3) float32, linear light."""
    density = blood(person, canvas)[..., None] * _BLOOD + pigment(person, canvas)[..., None] * _PIGMENT
    albedo = linear(person.skin) * np.exp(-density)
    _shave(person, canvas, albedo)
    lit = albedo * relief.light
    lit += (
        (shine(person, canvas) * relief.gloss)[..., None]
        * person.light.exposure
        * np.array((1.0, 0.97, 0.93), np.float32)
    )
    lit += _SHEEN * relief.light.mean(-1, keepdims=True)
    _nostrils(person, canvas, lit)
    return lit.astype(np.float32)


def blood(person: Person, canvas: Canvas) -> np.ndarray:
    """Blood near the surface, (side, side) about 0..1: cheeks, nose, lids, chin, and patches that differ by person."""
    p, u, v = person, canvas.u, canvas.v
    rng = np.random.default_rng([p.index, 51])
    red = 0.7 * bump(u, v, 0, p.nose_y - 0.05, 0.11, 0.08) + 0.25 * bump(u, v, 0, p.chin_length - 0.12, 0.14, 0.09)
    for side in (-1, 1):
        red = red + 0.9 * bump(u, v, side * 0.40, 0.25, 0.17, 0.14)
        red = red + 0.5 * bump(u, v, side * p.nose_width, p.nose_y - 0.03, 0.04, 0.05)
        red = red + 0.4 * bump(u, v, side * p.eye_x, p.eye_y + 0.02, 0.14, 0.09)
    unit = canvas.unit
    patches = clouds(rng, canvas.side, {0.30 * unit: 0.10, 0.11 * unit: 0.10, 0.045 * unit: 0.09, 0.018 * unit: 0.09})
    return ((0.06 + 0.48 * p.blush) * red + (0.25 + 0.55 * p.mottle) * patches).astype(np.float32)


def pigment(person: Person, canvas: Canvas) -> np.ndarray:
    """Melanin beyond the even tone, (side, side) about 0..1: shaded lids, freckles, sun spots, moles, fine grain."""
    p, u, v = person, canvas.u, canvas.v
    rng = np.random.default_rng([p.index, 52])
    unit = canvas.unit
    dark = (0.2 + 0.4 * p.mottle) * clouds(rng, canvas.side, {0.5 * unit: 0.05, 0.09 * unit: 0.04, 0.022 * unit: 0.05})
    for side in (-1, 1):
        dark = dark + (0.12 + 0.45 * p.eye_shadow) * bump(u, v, side * p.eye_x, p.eye_y - 0.045, 0.12, 0.050)
        dark = dark + (0.10 + 0.25 * p.wrinkles) * bump(u, v, side * p.eye_x * 0.93, p.eye_y + 0.085, 0.10, 0.035)
    # Many small dots over nose and cheeks, a few large ones anywhere.
    dots = [
        (rng.normal(0, 0.28), rng.normal(0.16, 0.09), rng.uniform(0.006, 0.013), rng.uniform(0.15, 0.45))
        for _ in range(int(90 * p.freckles))
    ]
    spots = int(3 + 14 * p.mottle * (0.3 + p.age))
    dots += [
        (rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.9), rng.uniform(0.006, 0.016), rng.uniform(0.15, 0.5))
        for _ in range(spots)
    ]
    dots += [(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.8), 0.010, 1.0) for _ in range(rng.integers(0, 4))]
    if p.mole:
        dots.append((*p.mole, 0.016, 2.2))
    for x, y, size, strength in dots:
        rows, columns = canvas.window(x - 4 * size, x + 4 * size, y - 4 * size, y + 4 * size)
        dark[rows, columns] += strength * bump(canvas.u[:, columns], canvas.v[rows], x, y, size, size)
    return dark.astype(np.float32)


def shine(person: Person, canvas: Canvas) -> np.ndarray:
    """How strongly the skin mirrors, (side, side): most on nose and forehead, broken up by pores."""
    p, u, v = person, canvas.u, canvas.v
    rng = np.random.default_rng([p.index, 53])
    oily = 0.35 + 0.8 * bump(u, v, 0, -0.45, 0.40, 0.25) + 0.9 * bump(u, v, 0, 0.10, 0.10, 0.28)
    for side in (-1, 1):
        oily = oily + 0.5 * bump(u, v, side * 0.36, 0.10, 0.16, 0.10)
    oily = oily + 0.4 * bump(u, v, 0, p.chin_length - 0.13, 0.12, 0.09)
    broken = 1 + 0.22 * clouds(rng, canvas.side, {0.012 * canvas.unit: 0.6, 0.03 * canvas.unit: 0.6})
    return (0.02 + 0.10 * p.oil) * oily * np.clip(broken, 0.2, 2)


def beard_area(person: Person, canvas: Canvas) -> np.ndarray:
    """Where a beard grows, (side, side) 0..1: jaw, chin and upper lip, with a soft upper edge; the lips' rim stays bare."""
    p, u, v = person, canvas.u, canvas.v
    across = np.clip(np.abs(u), 0, p.face_width) / p.face_width
    jaw_line = 0.06 + (p.mouth_y - 0.08) * (1 - across**2.2)
    jaw = smoothstep(v - jaw_line * np.ones_like(v), -0.03, 0.16)
    lip = bump(u, v, 0, (p.nose_y + p.mouth_y) / 2 + 0.01, p.mouth_width * 0.75, 0.055)
    rim = np.sqrt((u / (p.mouth_width * 1.15)) ** 2 + ((v - p.mouth_y - 0.01) / (0.05 + p.lower_lip)) ** 2)
    return np.maximum(jaw, 0.7 * smoothstep(lip, 0.25, 0.8)) * smoothstep(rim, 0.8, 1.3)


def _shave(p: Person, canvas: Canvas, albedo: np.ndarray) -> None:
    """The hair below a shaven skin: a bluish shadow with the grain of its stubs."""
    strength = p.shave * (1.0 if p.beard in ("none", "moustache") else 0.5)
    if strength <= 0:
        return
    rng = np.random.default_rng([p.index, 54])
    stubs = np.clip(1 + 0.35 * clouds(rng, canvas.side, {0.009 * canvas.unit: 0.8, 0.02 * canvas.unit: 0.5}), 0, 2)
    shade = 0.30 * strength * beard_area(p, canvas) * stubs
    dark = linear(p.brow_colour) * 0.6 + linear(p.skin) * np.array((0.20, 0.24, 0.28), np.float32)
    over(albedo, dark, shade.astype(np.float32))


def _nostrils(p: Person, canvas: Canvas, lit: np.ndarray) -> None:
    u, v = canvas.u, canvas.v
    base = linear(p.skin) * p.light.exposure
    for side in (-1, 1):
        tilt = v + 0.22 * side * (u - side * p.nose_width * 0.45)
        wide = 0.016 + 0.08 * p.nose_width
        hole = np.exp(
            -0.5 * ((u - side * p.nose_width * 0.46) / wide) ** 2 - 0.5 * ((tilt - p.nose_y - 0.004) / 0.015) ** 2
        )
        over(lit, base * (0.05, 0.022, 0.018), (0.88 * smoothstep(hole, 0.35, 0.95)).astype(np.float32))
        crease = bump(u, v, side * (p.nose_width + 0.004), p.nose_y - 0.030, 0.014, 0.040)
        over(lit, base * (0.28, 0.15, 0.13), 0.40 * crease.astype(np.float32))
    under = bump(u, v, 0, p.nose_y + 0.022, p.nose_width * 0.5, 0.013)
    over(lit, base * (0.24, 0.11, 0.10), 0.12 * under.astype(np.float32))
