"""Spectacles: frames of three kinds."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, smoothstep
from swaptalk_models.data.phantom.light import linear
from swaptalk_models.data.phantom.people import Person


def paint_glasses(person: Person, canvas: Canvas) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]] | None:
    """(linear colour, alpha, window that they fill) of a frame with two lenses that catch the lamp, or None."""
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
    edge = 0.5 + 0.8 * smoothstep(-v + 0 * u, -middle, -middle + 0.16)
    colour = linear(tint) * p.light.exposure * edge[..., None] + 0.02
    # A slanted reflection of the lamp on each lens, and the frame's shadow below it.
    x = p.light.side
    for side in (-1, 1):
        r = (np.abs((u - side * p.eye_x) / wide) ** power + np.abs((v - middle) / high) ** power) ** (1 / power)
        streak = np.exp(-0.5 * ((u - side * p.eye_x - x * (0.10 + 0.6 * (v - middle))) / 0.030) ** 2) * (r < 0.95)
        streak = 0.22 * p.oil * streak * smoothstep(-v + 0 * u, -middle - 0.05, -middle + 0.10) * (1 - alpha)
        bright = alpha + streak
        colour = np.where(alpha[..., None] > 0.02, colour, 0.85)
        alpha = np.clip(bright, 0, 1)
    return colour.astype(np.float32), alpha.astype(np.float32), place
