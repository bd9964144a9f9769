"""What is behind a person: walls, shelves, windows, leaves, curtains, city lights, out of focus as a lens leaves them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, over
from swaptalk_models.data.phantom.light import linear
from swaptalk_models.data.phantom.noise import cloud
from swaptalk_models.data.phantom.people import Person


def paint_backdrop(person: Person, canvas: Canvas) -> np.ndarray:
    """(side, side, 3) float32, linear light."""
    rng = np.random.default_rng([person.index, 90])
    image = _PAINTERS[person.setting](person, canvas, rng)
    image = canvas.blur(image, person.defocus)
    # Light falls off from the lamp's side.
    fall = 1.0 + 0.28 * person.light.side * canvas.u / 1.6 - 0.10 * canvas.v
    return np.clip(image * fall[..., None] * (0.6 + 0.4 * person.light.exposure), 0.002, 2).astype(np.float32)


def _plain(p: Person, canvas: Canvas, grain: float, rng: np.random.Generator) -> np.ndarray:
    base = linear(p.backdrop)
    shade = 1 + grain * cloud(rng, canvas.side, canvas.side, 0.5 * canvas.unit)
    return (base * shade[..., None]).astype(np.float32)


def _wall(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    image = _plain(p, canvas, 0.06, rng)
    image *= (1 + 0.03 * cloud(rng, canvas.side, canvas.side, 0.02 * canvas.unit))[..., None]
    if rng.random() < 0.6:  # a picture
        x, y = rng.choice((-1, 1)) * rng.uniform(0.9, 1.4), rng.uniform(-1.3, -0.6)
        wide, high = rng.uniform(0.2, 0.5), rng.uniform(0.25, 0.5)
        _rectangle(image, canvas, x, y, wide + 0.04, high + 0.04, linear(rng.uniform(0.05, 0.5, 3)))
        _rectangle(image, canvas, x, y, wide, high, linear(rng.uniform(0.3, 0.9, 3)))
    return image


def _studio(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    x, y = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.3)
    glow = 0.45 + 0.85 * np.exp(-0.5 * ((canvas.u - x) ** 2 + (canvas.v - y) ** 2) / rng.uniform(0.7, 1.2) ** 2)
    return _plain(p, canvas, 0.02, rng) * glow[..., None].astype(np.float32)


def _shelves(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    image = _plain(p, canvas, 0.05, rng) * 0.35
    for shelf in np.arange(-1.7, 1.7, 0.55):
        x = -1.7
        while x < 1.7:
            wide, high = rng.uniform(0.03, 0.09), rng.uniform(0.16, 0.25)
            if rng.random() < 0.88:
                tint = np.array((1, rng.uniform(0.45, 1.05), rng.uniform(0.3, 0.85)))
                colour = linear(np.clip(rng.uniform(0.12, 0.75) * tint[:: rng.choice((1, 1, 1, -1))], 0, 1))
                _rectangle(image, canvas, x + wide, shelf + 0.5 - high, wide * 0.92, high, colour)
            x += 2 * wide
        _rectangle(image, canvas, 0, shelf + 0.525, 2, 0.025, linear((0.42, 0.32, 0.24)))
    return image


def _window(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    image = _plain(p, canvas, 0.05, rng) * 0.6
    x, wide = rng.uniform(-1.1, 1.1), rng.uniform(0.35, 0.6)
    sky = linear(np.array((0.82, 0.90, 0.98)) * rng.uniform(0.75, 1.1))
    for pane in (-1, 1):
        _rectangle(image, canvas, x + pane * (wide + 0.02), -0.55, wide, 0.85, sky)
        _rectangle(image, canvas, x + pane * (wide + 0.02), 0.10, wide, 0.20, linear((0.35, 0.42, 0.32)))
    return image


def _foliage(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    n, unit = canvas.side, canvas.unit
    leaves = (
        0.6 * cloud(rng, n, n, 0.28 * unit) + 0.5 * cloud(rng, n, n, 0.10 * unit) + 0.3 * cloud(rng, n, n, 0.04 * unit)
    )
    hue = cloud(rng, n, n, 0.35 * unit)
    base = np.stack([0.11 + 0.02 * hue, np.full_like(hue, 0.15), 0.07 + 0 * hue], -1).clip(0.02)
    image = base * np.exp(0.55 * leaves)[..., None]
    over(image, np.array((0.75, 0.82, 0.85), np.float32), np.clip(leaves - 1.1, 0, 1).astype(np.float32))
    return image.astype(np.float32)


def _curtain(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    sway = canvas.u + 0.03 * cloud(rng, canvas.side, canvas.side, 0.8 * canvas.unit)
    folds = np.sin(sway * rng.uniform(9, 18) + 1.5 * np.sin(2.1 * sway + rng.uniform(0, 6)))
    return _plain(p, canvas, 0.03, rng) * (0.70 + 0.35 * folds)[..., None].astype(np.float32)


def _lights(p: Person, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    image = _plain(p, canvas, 0.2, rng) * 0.25
    for _ in range(26):
        x, y, r = rng.uniform(-1.7, 1.7), rng.uniform(-1.7, 1.2), rng.uniform(0.03, 0.13)
        disc = canvas.cover(r - np.hypot(canvas.u - x, canvas.v - y), 0.01) * rng.uniform(0.2, 0.9)
        over(image, linear(np.array((1.0, rng.uniform(0.5, 1.0), rng.uniform(0.2, 1.0)))), disc.astype(np.float32))
    return image


def _rectangle(
    image: np.ndarray, canvas: Canvas, x: float, y: float, wide: float, high: float, colour: np.ndarray
) -> None:
    """Half sides `wide` and `high`, in units; in place."""
    rows, columns = canvas.window(x - wide, x + wide, y - high, y + high)
    image[rows, columns] = colour


_PAINTERS: dict[str, Callable[[Person, Canvas, np.random.Generator], np.ndarray]] = {
    "wall": _wall,
    "studio": _studio,
    "shelves": _shelves,
    "window": _window,
    "foliage": _foliage,
    "curtain": _curtain,
    "lights": _lights,
}
