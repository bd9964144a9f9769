"""Where the 68 landmarks (iBUG order) of a phantom are: known, not found."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.facial_hair import brow_ends, brow_line
from swaptalk_models.data.phantom.features import eye_curves, lip_curves, mouth_half_width
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.sculpt import outline_radius


def head_landmarks(person: Person, motion: dict[str, float]) -> np.ndarray:
    """(68, 2) in head units, before jaw drop of the outline, brow movement and pose."""
    p = person
    angle = np.linspace(np.radians(-82), np.radians(82), 17)
    radius = outline_radius(p, np.pi - np.abs(angle))
    jaw = np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)
    s = np.linspace(0.02, 0.95, 5)
    inner, outer = brow_ends(p)
    brow_u = inner + s * (outer - inner)
    left_brow = np.stack([brow_u, brow_line(p, s)], 1)
    right_brow = left_brow[::-1] * (-1, 1)
    top, tip = p.eye_y, p.nose_y - 0.045
    bridge = np.stack([np.zeros(4), np.linspace(top, tip, 4)], 1)
    base = np.array([(-0.85, -0.010), (-0.45, 0.012), (0.0, 0.022), (0.45, 0.012), (0.85, -0.010)]) * (
        p.nose_width,
        1,
    ) + (0, p.nose_y)
    return np.concatenate(
        [jaw, right_brow, left_brow, bridge, base, *_eyes(p, motion["blink"]), *_lips(p, motion)]
    ).astype(np.float32)


def _eyes(p: Person, blink: float) -> list[np.ndarray]:
    s = np.array([-1.0, -0.36, 0.36, 1.0])
    upper, lower = eye_curves(p, 1, blink, s)
    u = p.eye_x + s * p.eye_width
    # iBUG walks from the left of the image over the upper lid and back along the lower one.
    left = np.stack([u[[0, 1, 2, 3, 2, 1]], np.concatenate([upper, lower[[2, 1]]])], 1)
    right = np.stack([-u[[3, 2, 1, 0, 1, 2]], np.concatenate([upper[::-1], lower[[1, 2]]])], 1)
    return [right, left]


def _lips(p: Person, motion: dict[str, float]) -> list[np.ndarray]:
    half = mouth_half_width(p, motion)
    s = np.array([-1.0, -0.62, -0.25, 0.0, 0.25, 0.62, 1.0])
    top, _, _, bottom = lip_curves(p, motion, s)
    outer = np.concatenate([np.stack([s * half, top], 1), np.stack([s * half, bottom], 1)[5:0:-1]])
    t = np.array([-0.92, -0.40, 0.0, 0.40, 0.92])
    _, inner_top, inner_bottom, _ = lip_curves(p, motion, t)
    inner = np.concatenate([np.stack([t * half, inner_top], 1), np.stack([t * half, inner_bottom], 1)[3:0:-1]])
    return [outer, inner]
