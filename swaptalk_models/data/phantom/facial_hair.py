"""Brows and beards: single hairs over a soft ground."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, bump, over, smoothstep
from swaptalk_models.data.phantom.light import linear
from swaptalk_models.data.phantom.noise import clouds, fibres
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.sculpt import Relief


def brow_ends(person: Person) -> tuple[float, float]:
    """Distance from the middle of the face of a brow's inner and outer end; the two brows never grow together."""
    return max(0.085, person.eye_x - person.brow_length), person.eye_x + person.brow_length


def brow_line(person: Person, s: np.ndarray) -> np.ndarray:
    """Height v of a brow's middle at s = 0 (inner end) to 1 (outer end)."""
    rise = person.brow_tilt * person.brow_length * (0.5 - s) * 2
    return person.eye_y - person.brow_height - person.brow_arch * np.sin(np.pi * np.clip(s, 0, 1) ** 0.85) * 1.2 + rise


def paint_brows(person: Person, canvas: Canvas, image: np.ndarray, relief: Relief) -> None:
    """Hairs that lean outwards, thin at both ends; over the linear `image` in place."""
    u, v = canvas.u, canvas.v
    p = person
    inner, outer = brow_ends(p)
    rng = np.random.default_rng([p.index, 61])
    for side in (-1, 1):
        s = (side * u - inner) / (outer - inner)
        middle = brow_line(p, s)
        thick = (
            p.brow_thickness
            * (0.75 + 0.5 * np.sin(np.pi * np.clip(s, 0, 1) ** 0.7))
            * (1 - 0.55 * np.clip(s, 0, 1) ** 2)
        )
        # Hairs cross the brow: steep at the inner end, nearly along it at the outer one.
        lean = 0.5 + 2.2 * np.clip(s, 0, 1)
        course = side * u + lean * (v - middle)
        hairs = fibres(rng, course / 1.2, v - middle, 60, 0.05) * 0.6 + fibres(rng, course / 1.2, v, 110, 0.04) * 0.5
        away = thick - np.abs(v - middle) + 0.010 * hairs
        distance = np.minimum(away, 0.5 * p.brow_length * np.minimum(s - 0.01, 0.99 - s))
        cover = canvas.cover(distance - 0.004, 0.034) * np.clip(0.82 + 0.24 * hairs, 0.35, 1.0)
        ground = np.clip(0.55 + 0.5 * s, 0.5, 1.0)
        colour = linear(p.brow_colour) * (0.35 + 0.65 * relief.light) * np.exp(0.22 * hairs)[..., None]
        over(image, colour.astype(np.float32), (0.97 * ground * cover).astype(np.float32))


def paint_beard(person: Person, canvas: Canvas, image: np.ndarray, relief: Relief) -> None:
    """Stubble, moustache, goatee or full beard, over the linear `image` in place; lips come on top later."""
    if person.beard == "none":
        return
    p, u, v = person, canvas.u, canvas.v
    gap = p.mouth_y - p.nose_y
    s = np.abs(u) / (p.mouth_width * 1.25)
    thick = 0.27 * gap * np.clip(1 - s**2.5, 0, 1) * (0.70 + 0.30 * smoothstep(s, 0.0, 0.25)) - 0.02
    moustache = canvas.cover(thick - np.abs(v - (p.nose_y + 0.42 * gap + 0.30 * gap * s * s)), 0.05)
    jaw_line = 0.10 + 0.62 * (1 - (np.clip(np.abs(u), 0, p.face_width) / p.face_width) ** 2)
    jaw = smoothstep(v - jaw_line * np.ones_like(v), -0.05, 0.10)
    chin = smoothstep(bump(u, v, 0, p.chin_length - 0.10, 0.17, 0.14), 0.3, 0.8)
    # A clean rim round the lips, as a barber leaves it, so that their outline stays readable.
    rim = np.sqrt((u / (p.mouth_width * 1.25)) ** 2 + ((v - p.mouth_y - 0.02) / (0.10 + p.lower_lip)) ** 2)
    jaw, chin = (shape * smoothstep(rim, 0.85, 1.25) for shape in (jaw, chin))
    shapes = {
        "stubble": 0.34 * np.maximum(jaw, 0.25 * moustache),
        "moustache": 0.55 * moustache,
        "goatee": np.maximum(0.9 * chin, 0.22 * moustache),
        "full": np.maximum(0.92 * jaw, 0.40 * moustache),
    }
    hairs = _beard_hairs(p, canvas)
    ragged = np.clip(shapes[p.beard] * (1 + (0.55 if p.beard == "stubble" else 0.28) * hairs), 0, 0.96)
    alpha = ragged * (1 - smoothstep(relief.reach, 0.99, 1.05))
    colour = linear(p.brow_colour) * 1.2 * (0.3 + 0.7 * relief.light) * np.exp(0.32 * hairs)[..., None]
    over(image, colour.astype(np.float32), alpha.astype(np.float32))


def _beard_hairs(p: Person, canvas: Canvas) -> np.ndarray:
    """Dark and light hairs, short and downward, about mean 0 and deviation 1; stubble is dots instead."""
    rng = np.random.default_rng([p.index, 62])
    if p.beard == "stubble":
        return clouds(rng, canvas.side, {0.009 * canvas.unit: 0.9, 0.025 * canvas.unit: 0.5})
    bend = 0.03 * clouds(rng, canvas.side, {0.16 * canvas.unit: 1.0})
    across = canvas.u * (1 - 0.25 * canvas.v) + bend
    return 0.7 * fibres(rng, across / 3.4, canvas.v, 170, 0.09) + 0.6 * fibres(rng, across / 3.4, canvas.v, 80, 0.2)
