"""Hair of the head: cuts, made of strands that the light runs along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, layer, smooth_noise, smoothstep
from swaptalk_models.data.phantom.light import linear
from swaptalk_models.data.phantom.noise import cloud, fibres
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.sculpt import Relief, outline_radius


@dataclass(frozen=True)
class _Cut:
    """A haircut in units: thickness on top and at the sides, height v of the hairline and of the ends at the sides."""

    top: float
    sides: float
    line: float
    ends: float
    part: float = 0.0
    back: float = 0.0
    """How far hair hangs down behind the head (v); 0: not at all."""
    curl: float = 0.0
    dense: float = 1.0


CUTS = {
    "short": _Cut(0.13, 0.05, -0.70, 0.02),
    "side": _Cut(0.17, 0.06, -0.66, 0.02, part=0.30),
    "quiff": _Cut(0.26, 0.04, -0.74, -0.02, part=0.05),
    "buzz": _Cut(0.035, 0.02, -0.70, -0.02, dense=0.72),
    "receding": _Cut(0.07, 0.05, -0.92, 0.05, part=-0.02),
    "bald": _Cut(0.0, 0.0, -2.0, 0.0, dense=0.0),
    "curly": _Cut(0.27, 0.16, -0.66, 0.30, curl=1.0),
    "long": _Cut(0.14, 0.10, -0.72, 1.1, part=-0.04, back=1.45),
    "wavy": _Cut(0.18, 0.15, -0.70, 1.1, part=0.22, back=1.35, curl=0.35),
    "bob": _Cut(0.15, 0.13, -0.68, 0.72, part=-0.2, back=0.82),
    "fringe": _Cut(0.15, 0.11, -0.40, 0.95, back=1.15),
    "bun": _Cut(0.09, 0.045, -0.72, 0.05, part=0.02),
    "pixie": _Cut(0.15, 0.06, -0.52, 0.12, part=0.36),
}


def strands(person: Person, canvas: Canvas, seed: int) -> np.ndarray:
    """Light and dark hairs and locks that run from the parting, (side, side) float32, deviation about 1."""
    cut = CUTS[person.hair]
    rng = np.random.default_rng([person.index, seed])
    u, v = canvas.u, canvas.v
    wave = (0.010 + 0.03 * cut.curl) * cloud(rng, canvas.side, canvas.side, 0.22 * canvas.unit)
    wave = wave + (0.003 + 0.010 * cut.curl) * cloud(rng, canvas.side, canvas.side, 0.07 * canvas.unit)
    x, y = u + wave - cut.part * person.part_side, 1.35 + v + wave
    angle, radius = np.arctan2(x, y) / (2 * np.pi), np.sqrt(x * x + y * y)
    # Single hairs would alias where all of them meet.
    locks = fibres(rng, angle, radius, 90, 0.7)
    hairs = fibres(rng, angle, radius, 300, 0.35) * smoothstep(radius, 0.25, 0.6)
    fine = fibres(rng, angle, radius, 480, 0.2) * smoothstep(radius, 0.5, 0.9)
    straight = 0.60 * locks + 0.60 * hairs + 0.40 * fine
    # Curls are ridges that wind about, not lines.
    share = min(1.0, 1.3 * cut.curl**2)
    if share > 0.05:
        large, small = (cloud(rng, canvas.side, canvas.side, cell * canvas.unit) for cell in (0.075, 0.035))
        curls = 1.5 * (0.7 - np.abs(large)) + 1.0 * (0.7 - np.abs(small))
        straight = np.sqrt(1 - share) * straight + np.sqrt(share) * curls
    return straight.astype(np.float32)


def _lit_hair(
    person: Person, normal: np.ndarray, locks: np.ndarray, depth: np.ndarray, thin: float = 1.0
) -> np.ndarray:
    """Linear colour (H, W, 3) of hair with surface `normal`; `depth` (H, W) 0..1: how much light gets in.

    The shine is a band across the hairs where their tangent lies square to the half vector (Kajiya and Kay 1989);
    hairs run away from the crown, so the tangent is the normal turned down the head.
    """
    light, colour = person.light, linear(person.hair_colour)
    flat = np.maximum(np.hypot(normal[..., 0], normal[..., 1]), 1e-3)
    radial = normal[..., :2] / flat[..., None]
    tangent = np.concatenate([radial * normal[..., 2:], -flat[..., None]], -1)
    half = light.direction() + np.array((0, 0, 1), np.float32)
    half /= np.linalg.norm(half)
    along = tangent @ half
    sine = np.sqrt(np.clip(1 - along**2, 0, 1))
    shine = (sine**28 * (0.5 + 0.35 * locks)).clip(0) * depth * thin * (1 - 0.5 * light.softness)
    falls = light.on(normal, 1.0, depth)
    body = colour * falls * (depth * np.exp(0.36 * locks))[..., None]
    tint = 0.35 * colour + 0.10 * np.sqrt(colour)
    return (body + (0.9 * shine * light.exposure)[..., None] * tint).astype(np.float32)


def paint_hair(person: Person, canvas: Canvas, relief: Relief) -> tuple[np.ndarray, np.ndarray]:
    """Hair on the head and in front of it -> (linear colour (side, side, 3), alpha (side, side)), float32."""
    cut, u, v = CUTS[person.hair], canvas.u, canvas.v
    angle = np.arctan2(np.abs(u), -v)
    upward = np.clip(np.cos(angle), 0, 1)
    lift = cut.sides + (cut.top - cut.sides) * upward**1.5
    if cut.part:
        lift = lift * (1 + 0.35 * np.sign(cut.part * person.part_side) * np.clip(u / 0.6, -1, 1) * upward)
    radius = outline_radius(person, angle)
    rng = np.random.default_rng([person.index, 5])
    turn = np.arctan2(u, -v) / (2 * np.pi)
    lift = lift + (0.014 + 0.05 * cut.curl) * smooth_noise(rng, turn, 26) * (cut.dense > 0)
    locks = strands(person, canvas, 3)
    edge = np.sqrt(u * u + v * v)
    # Single hairs stand out beyond the outline.
    stray = (0.016 + 0.02 * cut.curl) * locks * (cut.dense >= 1)
    volume = canvas.cover(radius + lift + stray - edge, 0.030 + 0.05 * cut.curl)
    bare = _opening(person, canvas, cut)
    ends = 1 - smoothstep(v + 0.03 * locks, cut.ends - 0.12, cut.ends + 0.06)
    alpha = volume * (1 - bare) * ends * cut.dense
    if cut.dense < 1:
        alpha = alpha * np.clip(1 + 0.25 * locks, 0.3, 1.2).clip(0, 1 / max(cut.dense, 1e-3))
    away = np.clip(edge / (radius + lift + 0.05), 0, 1)
    z = np.sqrt(np.clip(1 - away**2.6, 0.03, 1))
    flat = np.sqrt(1 - z * z)
    normal = np.stack([flat * u / np.maximum(edge, 1e-3), flat * v / np.maximum(edge, 1e-3), z], -1).astype(np.float32)
    inner = 1 - 0.45 * bare
    deep = np.clip(inner * (0.60 + 0.35 * z) - 0.18 * smoothstep(v + 0 * u, -0.2, 0.7), 0.12, 1)
    return _lit_hair(person, normal, locks, deep.astype(np.float32)), alpha.astype(np.float32)


def _opening(person: Person, canvas: Canvas, cut: _Cut) -> np.ndarray:
    """The face that the hair leaves free, 0..1."""
    u, v = canvas.u, canvas.v
    side = person.part_side
    rng = np.random.default_rng([person.index, 8])
    ragged = 0.020 * smooth_noise(rng, u / 3.4 + 0.5, 60) * np.ones_like(v) + 0.022 * strands(person, canvas, 9)
    line = cut.line - 0.02 * person.age + ragged + 0.22 * cut.part * np.clip(side * u / 0.5, -1, 1)
    if person.hair == "receding":
        line = line - 0.16 * np.exp(-0.5 * ((np.abs(u) - 0.36) / 0.12) ** 2)
    half = person.face_width * (0.90 if cut.ends < 0.5 else 0.86)
    height = np.clip((v - 0.10) / (line - 0.10), 0, None)
    round_top = np.abs(u / half) ** 3.2 + height**3.2
    distance = (1 - round_top) * 0.22
    return canvas.cover(distance + 0.012 * strands(person, canvas, 11), 0.09 if cut.dense < 1 else 0.055)


def paint_back_hair(person: Person, canvas: Canvas, image: np.ndarray) -> None:
    """Hair that falls behind neck and shoulders, or a bun; laid over the linear `image` in place."""
    cut, u, v = CUTS[person.hair], canvas.u, canvas.v
    locks = strands(person, canvas, 4)
    if person.hair == "bun":
        distance = 0.25 + 0.012 * locks - np.sqrt(u * u + ((v + person.forehead + 0.16) / 0.85) ** 2)
        alpha = canvas.cover(distance, 0.02)
        deep = 0.30 + 0.5 * np.clip(distance / 0.22, 0, 1) ** 0.6
    elif cut.back > 0:
        wide = person.face_width + cut.sides + 0.05 * np.sin(2.2 * v + 1) + (0.05 * cut.curl) * np.sin(9 * v)
        wide = wide * np.sqrt(np.clip(1 - (np.clip(-v - 0.05, 0, None) / (person.forehead - 0.05)) ** 2, 0, 1))
        taper = np.sqrt(np.clip((cut.back - v) / 0.35, 0, 1))
        distance = np.minimum((v + person.forehead - 0.02) * 0.5, wide * (0.82 + 0.18 * taper) - np.abs(u))
        distance = np.minimum(distance, cut.back + 0.08 * np.cos(4 * u) - v) + 0.014 * locks
        alpha = canvas.cover(distance, 0.03)
        deep = 0.20 + 0.55 * smoothstep(np.abs(u) + 0 * v, 0.35, 0.85)
    else:
        return
    side = np.clip(u / 0.9, -0.9, 0.9) + 0 * v
    normal = np.stack([side, np.full_like(side, -0.1), np.sqrt(0.99 - side * side)], -1).astype(np.float32)
    layer(image, _lit_hair(person, normal, locks, (deep * np.ones_like(side)).astype(np.float32), 0.6), alpha)
