"""Shoulders in a shirt, a pullover or a suit, with folds and patterns."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, layer, over, smoothstep
from swaptalk_models.data.phantom.light import linear, normals
from swaptalk_models.data.phantom.noise import cloud
from swaptalk_models.data.phantom.people import Person


def paint_clothes(person: Person, canvas: Canvas, image: np.ndarray) -> None:
    """Laid over the linear `image` (side, side, 3) in place."""
    p, u, v = person, canvas.u, canvas.v
    rng = np.random.default_rng([p.index, 95])
    broad = 1.0 if p.feminine else 1.15
    away = np.abs(u) / broad
    collar = {
        "crew": 1.30 - 0.10 * (np.clip(away, 0, 0.5) / 0.5) ** 2,
        "shirt": 1.42 - 0.55 * away,
        "vee": 1.58 - 0.95 * away,
        "suit": 1.40 - 0.50 * away,
    }[p.collar]
    shoulder = 1.17 + 0.10 * away + 0.26 * np.clip(away - 0.25, 0, None) ** 1.6 * 1.4
    distance = v - np.maximum(shoulder, np.where(away < 0.46, collar, 0))
    alpha = canvas.cover(distance, 0.012)
    lit = _light_on_cloth(p, canvas, rng, away, distance)
    cloth = linear(p.clothes) * _pattern(p, canvas, rng)[..., None] * lit
    if p.collar == "suit":
        _suit(p, canvas, rng, cloth, lit, away)
    layer(image, cloth.astype(np.float32), alpha)
    if p.collar in ("shirt", "suit"):
        wing = np.minimum(v - (shoulder - 0.045), 0.155 - np.abs(v - (1.17 + 0.45 * away)) * 0.9)
        wing = np.minimum(np.minimum(wing, 0.50 - away), v - collar + 0.015)
        wings = canvas.cover(np.minimum(wing, 1.5 - v), 0.012) * 0.95
        colour = _shirt(p) * lit if p.collar == "suit" else cloth * 1.15 + 0.006
        layer(
            image, (colour * (1 - 0.25 * np.exp(-np.clip(wing, 0, None) / 0.02))[..., None]).astype(np.float32), wings
        )
    elif p.collar == "crew":
        layer(
            image,
            (cloth * 0.6).astype(np.float32),
            canvas.cover(0.035 - np.abs(distance - 0.03), 0.01) * (away < 0.47) * alpha,
        )


def _light_on_cloth(
    p: Person, canvas: Canvas, rng: np.random.Generator, away: np.ndarray, distance: np.ndarray
) -> np.ndarray:
    """(side, side, 3): shoulders are round and cloth lies in folds; the head shades the chest."""
    folds = 0.050 * cloud(rng, canvas.side, canvas.side, 0.42 * canvas.unit)
    folds = folds + 0.012 * cloud(rng, canvas.side, canvas.side, 0.14 * canvas.unit)
    folds = folds * smoothstep(away, 0.1, 0.5) * np.ones_like(canvas.v)
    body = -0.45 * away**2 + 0.30 * np.clip(distance, 0, 0.5)
    normal = normals((body + folds).astype(np.float32), canvas.unit)
    shade = 0.72 + 0.28 * smoothstep(away + 0.6 * (canvas.v - 1.2), 0.1, 0.6)
    rim = 1 - 0.35 * np.exp(-np.clip(distance, 0, None) / 0.05)
    return p.light.on(normal, shade, rim) * (shade * rim)[..., None]


def _pattern(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """(side, side) gain on the cloth's colour."""
    u, v = canvas.u + 0 * canvas.v, canvas.v + 0 * canvas.u
    weave = 1 + 0.05 * cloud(rng, canvas.side, canvas.side, 1.5)
    fine = 2 * np.pi / rng.uniform(0.06, 0.16)
    lines = {
        "plain": 0.0,
        "stripes": 0.16 * np.sign(np.sin(fine * u)),
        "knit": 0.14 * np.sin(2 * np.pi * u / 0.035) * np.sin(2 * np.pi * v / 0.03 + 3 * np.abs(u)),
        "check": 0.12 * (np.sign(np.sin(fine * u)) + np.sign(np.sin(fine * v))),
    }[p.pattern]
    return (weave + lines).astype(np.float32)


def _shirt(p: Person) -> np.ndarray:
    """White, or a pale blue under some suits."""
    return linear((0.88, 0.88, 0.87) if p.index % 3 else (0.70, 0.78, 0.88))


def _suit(
    p: Person, canvas: Canvas, rng: np.random.Generator, cloth: np.ndarray, lit: np.ndarray, away: np.ndarray
) -> None:
    """Shirt front and tie between lapels, in place."""
    u, v = canvas.u, canvas.v
    front = canvas.cover(0.30 - 0.42 * (v - 1.25) - away + 0 * v, 0.015)
    over(cloth, (_shirt(p) * lit).astype(np.float32), front)
    edge = np.exp(-0.5 * ((away - 0.30 + 0.42 * (v - 1.25) - 0.012) / 0.012) ** 2)
    cloth *= (1 - 0.45 * edge)[..., None]
    if not p.feminine:
        knot = 0.075 - 0.05 * np.clip(1.52 - v, 0, 0.2) + 0.10 * np.clip(v - 1.52, 0, 1)
        tie = canvas.cover(np.minimum(knot - np.abs(u), v - 1.36), 0.01)
        slant = 1 + 0.3 * np.sign(np.sin(50 * (u + v))) * (rng.random() < 0.5)
        colour = linear(rng.uniform(0.1, 0.6) * np.array((1, rng.uniform(0.1, 0.8), rng.uniform(0.2, 1.0))))
        over(cloth, (colour * slant[..., None] * lit).astype(np.float32), tie)
