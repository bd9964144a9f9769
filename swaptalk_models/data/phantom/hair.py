"""Hair, brows, beard and glasses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, bump, over, smooth_noise, smoothstep
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.sculpt import Relief, outline_radius, shade


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
    """Light and dark locks that run from the parting, about -1..1; broad enough for a small crop."""
    cut = CUTS[person.hair]
    rng = np.random.default_rng([person.index, seed])
    u, v = canvas.u, canvas.v
    angle = np.arctan2(u - cut.part * np.sign(person.light or 1.0), 1.35 + v) / (2 * np.pi)
    radius = np.sqrt(u * u + (v + 1.35) ** 2)
    locks = smooth_noise(rng, angle + 0.012 * np.sin(5 * radius), 70) + 0.6 * smooth_noise(
        rng, angle + 0.006 * np.sin(9 * radius), 150
    )
    if cut.curl > 0:
        rings = smooth_noise(rng, u / 1.3 + 0.05 * np.sin(9 * v), 13) * smooth_noise(
            rng, v / 1.3 + 0.05 * np.sin(8 * u), 13
        )
        locks = (1 - cut.curl) * locks + cut.curl * (0.4 * locks + 2.2 * rings)
    return locks.astype(np.float32)


def paint_hair(person: Person, canvas: Canvas, relief: Relief) -> tuple[np.ndarray, np.ndarray]:
    """Hair on the head and in front of it -> (colour (side, side, 3), alpha (side, side)), float32 0..1."""
    cut, u, v = CUTS[person.hair], canvas.u, canvas.v
    angle = np.arctan2(np.abs(u), -v)
    upward = np.clip(np.cos(angle), 0, 1)
    lift = cut.sides + (cut.top - cut.sides) * upward**1.5
    if cut.part:
        lift = lift * (1 + 0.35 * np.sign(cut.part * (person.light or 1.0)) * np.clip(u / 0.6, -1, 1) * upward)
    radius = outline_radius(person, angle)
    if cut.curl:
        rng = np.random.default_rng([person.index, 5])
        lift = lift + 0.05 * cut.curl * smooth_noise(rng, np.arctan2(u, -v) / (2 * np.pi), 26)
    edge = np.sqrt(u * u + v * v)
    volume = canvas.cover(radius + lift - edge, 0.015 + 0.04 * cut.curl)
    bare = _opening(person, canvas, cut)
    ends = 1 - smoothstep(v + 0 * u, cut.ends - 0.10, cut.ends + 0.05)
    alpha = volume * (1 - bare) * ends * cut.dense
    dome = np.sqrt(np.clip(1 - (edge / (radius + lift + 0.02)) ** 3, 0.02, 1))
    side = np.clip(0.5 + 0.35 * np.sign(person.light) * u / 0.7 - 0.30 * (v + 0.6), 0, 1)
    ring = bump(edge / (radius + lift + 1e-6), v, 0.80, -0.75, 0.07, 0.35)
    locks = strands(person, canvas, 3)
    light = (0.30 + 0.62 * dome * (0.5 + 0.5 * side)) * (1 + 0.20 * locks)
    colour = shade(np.broadcast_to(np.asarray(person.hair_colour, np.float32), (*light.shape, 3)), light)
    colour = colour + (ring * (0.10 + 0.07 * locks))[..., None] * (
        0.5 + 0.5 * np.asarray(person.hair_colour, np.float32)
    )
    return colour.astype(np.float32), alpha.astype(np.float32)


def _opening(person: Person, canvas: Canvas, cut: _Cut) -> np.ndarray:
    """The face that the hair leaves free, 0..1."""
    u, v = canvas.u, canvas.v
    side = np.sign(person.light or 1.0)
    rng = np.random.default_rng([person.index, 8])
    ragged = 0.022 * smooth_noise(rng, u / 3.4 + 0.5, 60) * np.ones_like(v)
    line = cut.line - 0.02 * person.age + ragged + 0.22 * cut.part * np.clip(side * u / 0.5, -1, 1)
    if person.hair == "receding":
        line = line - 0.16 * np.exp(-0.5 * ((np.abs(u) - 0.36) / 0.12) ** 2)
    half = person.face_width * (0.90 if cut.ends < 0.5 else 0.86)
    height = np.clip((v - 0.10) / (line - 0.10), 0, None)
    round_top = np.abs(u / half) ** 3.2 + height**3.2
    distance = (1 - round_top) * 0.22
    return canvas.cover(distance, 0.05 if cut.dense < 1 else 0.03)


def paint_back_hair(person: Person, canvas: Canvas, image: np.ndarray) -> None:
    """Hair that falls behind neck and shoulders, or a bun; laid over `image` in place."""
    cut, u, v = CUTS[person.hair], canvas.u, canvas.v
    if person.hair == "bun":
        distance = 0.25 - np.sqrt(u * u + ((v + person.forehead + 0.16) / 0.85) ** 2)
        alpha = canvas.cover(distance, 0.01)
        light = 0.35 + 0.5 * np.clip(distance / 0.22, 0, 1) ** 0.6 * (0.8 + 0.4 * np.sign(person.light) * u)
    elif cut.back > 0:
        wide = person.face_width + cut.sides + 0.05 * np.sin(2.2 * v + 1) + (0.05 * cut.curl) * np.sin(9 * v)
        wide = wide * np.sqrt(np.clip(1 - (np.clip(-v - 0.05, 0, None) / (person.forehead - 0.05)) ** 2, 0, 1))
        taper = np.sqrt(np.clip((cut.back - v) / 0.35, 0, 1))
        distance = np.minimum((v + person.forehead - 0.02) * 0.5, wide * (0.82 + 0.18 * taper) - np.abs(u))
        distance = np.minimum(distance, cut.back + 0.08 * np.cos(4 * u) - v)
        alpha = canvas.cover(distance, 0.02)
        light = 0.16 + 0.42 * smoothstep(np.abs(u) + 0 * v, 0.35, 0.85) * np.ones_like(v)
    else:
        return
    light = light * (1 + 0.22 * strands(person, canvas, 4))
    colour = shade(np.broadcast_to(np.asarray(person.hair_colour, np.float32), (canvas.side, canvas.side, 3)), light)
    over(image, colour, alpha)


def brow_ends(person: Person) -> tuple[float, float]:
    """Distance from the middle of the face of a brow's inner and outer end; the two brows never grow together."""
    return max(0.085, person.eye_x - person.brow_length), person.eye_x + person.brow_length


def brow_line(person: Person, s: np.ndarray) -> np.ndarray:
    """Height v of a brow's middle at s = 0 (inner end) to 1 (outer end)."""
    rise = person.brow_tilt * person.brow_length * (0.5 - s) * 2
    return person.eye_y - person.brow_height - person.brow_arch * np.sin(np.pi * np.clip(s, 0, 1) ** 0.85) * 1.2 + rise


def paint_brows(person: Person, canvas: Canvas, image: np.ndarray) -> None:
    u, v = canvas.u, canvas.v
    p = person
    inner, outer = brow_ends(p)
    for side in (-1, 1):
        s = (side * u - inner) / (outer - inner)
        middle = brow_line(p, s)
        thick = (
            p.brow_thickness
            * (0.75 + 0.5 * np.sin(np.pi * np.clip(s, 0, 1) ** 0.7))
            * (1 - 0.55 * np.clip(s, 0, 1) ** 2)
        )
        distance = np.minimum(thick - 0.006 - np.abs(v - middle), 0.5 * p.brow_length * np.minimum(s - 0.02, 0.98 - s))
        over(image, p.brow_colour, 0.92 * canvas.cover(distance, 0.022))


def paint_beard(person: Person, canvas: Canvas, image: np.ndarray, relief: Relief) -> None:
    """Stubble, moustache, goatee or full beard, in place; lips are painted on top later."""
    if person.beard == "none":
        return
    p, u, v = person, canvas.u, canvas.v
    gap = p.mouth_y - p.nose_y
    s = np.abs(u) / (p.mouth_width * 1.25)
    thick = 0.27 * gap * np.clip(1 - s**2.5, 0, 1) * (0.70 + 0.30 * smoothstep(s, 0.0, 0.25)) - 0.02
    moustache = canvas.cover(thick - np.abs(v - (p.nose_y + 0.40 * gap + 0.30 * gap * s * s)), 0.035)
    jaw_line = 0.10 + 0.62 * (1 - (np.clip(np.abs(u), 0, p.face_width) / p.face_width) ** 2)
    jaw = smoothstep(v - jaw_line * np.ones_like(v), -0.05, 0.10)
    chin = smoothstep(bump(u, v, 0, p.chin_length - 0.10, 0.17, 0.14), 0.3, 0.8)
    # A clean rim round the lips, as a barber leaves it, so that their outline stays readable.
    rim = np.sqrt((u / (p.mouth_width * 1.25)) ** 2 + ((v - p.mouth_y - 0.02) / (0.10 + p.lower_lip)) ** 2)
    jaw, chin = (shape * smoothstep(rim, 0.85, 1.25) for shape in (jaw, chin))
    shapes = {
        "stubble": 0.38 * np.maximum(jaw, 0.5 * moustache),
        "moustache": 0.55 * moustache,
        "goatee": np.maximum(0.9 * chin, 0.22 * moustache),
        "full": np.maximum(0.92 * jaw, 0.40 * moustache),
    }
    alpha = shapes[p.beard] * (relief.reach < 1.05)
    light = np.clip(relief.light, 0.2, 1.1) * (0.85 + 0.16 * strands(p, canvas, 6))
    colour = shade(np.broadcast_to(np.asarray(p.brow_colour, np.float32) * 1.15, (canvas.side, canvas.side, 3)), light)
    over(image, colour, alpha)


def paint_glasses(person: Person, canvas: Canvas) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]] | None:
    """(colour, alpha, window that they fill) of a frame with two lenses, or None."""
    if person.glasses == "none":
        return None
    p = person
    place = canvas.window(-p.face_width, p.face_width, p.eye_y - 0.18, p.eye_y + 0.24)
    u, v = canvas.u[:, place[1]], canvas.v[place[0]]
    power = {"round": 2.0, "square": 4.0, "half": 3.0}[p.glasses]
    wide, high = (0.185, 0.175) if p.glasses == "round" else (0.205, 0.150)
    thick = 0.014 if p.glasses != "square" else 0.017
    middle = p.eye_y + 0.03
    alpha = np.zeros((v.shape[0], u.shape[1]), np.float32)
    for side in (-1, 1):
        r = (np.abs((u - side * p.eye_x) / wide) ** power + np.abs((v - middle) / high) ** power) ** (1 / power)
        rim = canvas.cover(thick - np.abs(r - 1) * min(wide, high), 0.004)
        if p.glasses == "half":
            rim = rim * (1 - smoothstep(v + 0 * u, middle - 0.01, middle + 0.03))
        alpha = np.maximum(alpha, rim)
        arm = canvas.cover(
            np.minimum(thick * 0.8 - np.abs(v - middle + 0.05), side * u - (p.eye_x + wide * 0.9)), 0.004
        ) * (np.abs(u) < p.face_width)
        alpha = np.maximum(alpha, arm)
    bridge = canvas.cover(
        np.minimum(thick * 0.8 - np.abs(v - middle + 0.05 - 0.25 * u * u), p.eye_x - wide * 0.95 - np.abs(u)), 0.004
    )
    alpha = np.maximum(alpha, bridge)
    tint = {"round": (0.16, 0.13, 0.12), "square": (0.08, 0.08, 0.10), "half": (0.34, 0.20, 0.12)}[p.glasses]
    colour = np.asarray(tint, np.float32) + 0.18 * smoothstep(-v + 0 * u, -middle, -middle + 0.16)[..., None]
    return colour.astype(np.float32), alpha.astype(np.float32), place
