"""What stands still behind the face: backdrop, shoulders, neck."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, bump, over, smoothstep
from swaptalk_models.data.phantom.hair import paint_back_hair
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.sculpt import shade


def paint_stage(person: Person, canvas: Canvas) -> np.ndarray:
    """(side, side, 3) float32 0..1: everything that the head is later laid over."""
    p, u, v = person, canvas.u, canvas.v
    lamp = float(np.sign(p.light) or 1.0)
    glow = 0.80 + 0.34 * np.exp(-0.5 * ((u - 0.35 * lamp) ** 2 + (v + 0.25) ** 2) / 0.9**2)
    image = (np.asarray(p.backdrop, np.float32) * glow[..., None]).astype(np.float32)
    paint_back_hair(p, canvas, image)
    _paint_neck(p, canvas, image, lamp)
    _paint_clothes(p, canvas, image, lamp)
    return image


def _neck_width(p: Person, v) -> np.ndarray:
    slim = 0.40 - 0.07 * p.feminine + 0.10 * (p.face_width - 0.7)
    return slim + 0.05 * smoothstep(v, 0.5, 0.2) + 0.34 * np.clip(v - 1.12, 0, None) ** 1.4


def _paint_neck(p: Person, canvas: Canvas, image: np.ndarray, lamp: float) -> None:
    u, v = canvas.u, canvas.v
    width = _neck_width(p, v)
    alpha = canvas.cover((width - np.abs(u)) * np.ones_like(v), 0.01) * (v > 0.3)
    across = np.clip(u / width, -1, 1)
    light = 0.30 + 0.52 * np.sqrt(np.clip(1 - across**2, 0, 1)) * (1 + 0.35 * lamp * across)
    light = light * (1 - 0.55 * (1 - smoothstep(v, p.chin_length - 0.02, p.chin_length + 0.34)))
    light = light * (1 - 0.15 * bump(np.abs(u), v, 0.10 + 0.16 * (1.35 - v), 1.2, 0.035, 0.16))
    skin = shade(np.broadcast_to(np.asarray(p.skin, np.float32), (canvas.side, canvas.side, 3)), light)
    over(image, skin, alpha)


def _paint_clothes(p: Person, canvas: Canvas, image: np.ndarray, lamp: float) -> None:
    u, v = canvas.u, canvas.v
    broad = 1.0 if p.feminine else 1.15
    away = np.abs(u) / broad
    collar = {
        "crew": 1.30 - 0.10 * (np.clip(away, 0, 0.5) / 0.5) ** 2,
        "shirt": 1.42 - 0.55 * away,
        "vee": 1.58 - 0.95 * away,
    }[p.collar]
    shoulder = 1.17 + 0.10 * away + 0.26 * np.clip(away - 0.25, 0, None) ** 1.6 * 1.4
    distance = v - np.maximum(shoulder, np.where(away < 0.46, collar, 0))
    alpha = canvas.cover(distance, 0.012)
    light = 0.42 + 0.34 * np.exp(-0.5 * ((u - 0.30 * lamp) / 0.55) ** 2) - 0.16 * (v - 1.3)
    light = light + 0.05 * np.sin(7 * (np.abs(u) - 0.55 * v)) * smoothstep(away, 0.2, 0.6)
    light = light * (1 - 0.30 * np.exp(-np.clip(distance, 0, None) / 0.05))
    cloth = shade(
        np.broadcast_to(np.asarray(p.clothes, np.float32), (canvas.side, canvas.side, 3)), np.clip(light, 0.1, 1)
    )
    over(image, cloth, alpha)
    if p.collar == "shirt":
        wing = np.minimum(v - (shoulder - 0.045), 0.155 - np.abs(v - (1.17 + 0.45 * away)) * 0.9)
        wing = np.minimum(wing, 0.50 - away)
        inner = v - collar + 0.015
        over(
            image,
            np.clip(cloth * 1.18 + 0.02, 0, 1),
            canvas.cover(np.minimum(np.minimum(wing, inner), 1.5 - v), 0.012) * 0.9,
        )
    elif p.collar == "crew":
        over(image, cloth * 0.72, canvas.cover(0.035 - np.abs(distance - 0.03), 0.01) * (away < 0.47) * alpha)
