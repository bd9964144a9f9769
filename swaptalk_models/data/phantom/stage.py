"""What follows the head a little: back hair, neck, shoulders."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, layer, smoothstep
from swaptalk_models.data.phantom.clothes import paint_clothes
from swaptalk_models.data.phantom.hair import paint_back_hair
from swaptalk_models.data.phantom.light import linear, normals
from swaptalk_models.data.phantom.noise import clouds
from swaptalk_models.data.phantom.people import Person


def paint_stage(person: Person, canvas: Canvas) -> np.ndarray:
    """(side, side, 4) float32: linear light and alpha of back hair, neck and shoulders, which the head is laid over."""
    image = np.zeros((canvas.side, canvas.side, 4), np.float32)
    paint_back_hair(person, canvas, image)
    _paint_neck(person, canvas, image)
    paint_clothes(person, canvas, image)
    return image


def _neck_width(p: Person, v: np.ndarray) -> np.ndarray:
    slim = 0.40 - 0.07 * p.feminine + 0.10 * (p.face_width - 0.7)
    return slim + 0.05 * smoothstep(v, 0.5, 0.2) + 0.34 * np.clip(v - 1.12, 0, None) ** 1.4


def _paint_neck(p: Person, canvas: Canvas, image: np.ndarray) -> None:
    """A cylinder with two sinews and, in men, an Adam's apple, in the shade of the chin."""
    u, v = canvas.u, canvas.v
    width = _neck_width(p, v)
    alpha = canvas.cover((width - np.abs(u)) * np.ones_like(v), 0.015) * (v > 0.3)
    across = np.clip(u / width, -0.98, 0.98)
    depth = width * np.sqrt(1 - across**2)
    sinew = 0.10 + 0.30 * np.clip(1.55 - v, 0, 1)
    depth = depth + 0.030 * np.exp(-0.5 * ((np.abs(u) - sinew) / 0.035) ** 2) * smoothstep(v, 0.9, 1.3)
    if not p.feminine:
        depth = depth + 0.030 * np.exp(-0.5 * (u / 0.06) ** 2 - 0.5 * ((v - p.chin_length - 0.24) / 0.05) ** 2)
    normal = normals(depth.astype(np.float32), canvas.unit)
    # A high lamp leaves a long shadow of the chin.
    long = 0.16 + 0.30 * np.sin(p.light.elevation)
    lean = -0.25 * np.sin(p.light.azimuth)
    below = smoothstep(v + lean * u, p.chin_length - 0.02, p.chin_length + long)
    lit = p.light.on(normal, 0.25 + 0.75 * below, 0.45 + 0.55 * below)
    rng = np.random.default_rng([p.index, 93])
    grain = 1 + 0.05 * clouds(rng, canvas.side, {0.2 * canvas.unit: 0.7, 0.02 * canvas.unit: 0.6})
    layer(image, (linear(p.skin) * (0.97, 0.92, 0.90) * grain[..., None] * lit).astype(np.float32), alpha)
