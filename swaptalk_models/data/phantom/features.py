"""The outlines of the features that change every frame, lips and lids; mouth.py and eyes.py paint them.

They are height curves over the columns of a small window: a curve v(u) is one number a column, so that a shape is a
comparison of two broadcasting axes and comes out anti-aliased. The landmarks are read off the same curves.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.people import Person

GAPE = 0.27
"""Widest gap between the lips, in head units (opening = 1): 0.46 of the distance between the eyes, as people speak."""

CORNER_DROP = 0.26
"""How far the corners of the mouth follow the jaw, as a share of the gap."""

JAW_SHARE = 0.74
"""How far the chin drops for one unit of gap."""


def lip_gap(mouth: dict[str, float]) -> float:
    """Gap at the middle of the mouth (units); the lower lip under the teeth still leaves them a slit to show."""
    return max(GAPE * mouth["opening"], 0.045 * mouth["tuck"])


def mouth_half_width(person: Person, mouth: dict[str, float]) -> float:
    spread = mouth["spread"]
    return person.mouth_width * (
        1 + (0.20 if spread > 0 else 0.36) * spread - 0.06 * mouth["opening"] + 0.04 * mouth["press"]
    )


def lip_curves(
    person: Person, mouth: dict[str, float], s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Heights v of the upper lip's outer, inner and the lower lip's inner, outer edge at s = -1 (left) .. 1 (right)."""
    p, gap = person, lip_gap(mouth)
    roundness = max(0.0, -mouth["spread"])
    s = np.clip(s, -1, 1)
    line = p.mouth_y + (CORNER_DROP * gap - p.corner) * s * s + 0.010 * np.exp(-0.5 * (s / 0.22) ** 2) * (1 - roundness)
    inside = np.clip(1 - (s / 0.94) ** 2, 0, 1) ** (0.72 - 0.20 * roundness)
    inner_upper = line - 0.20 * gap * inside
    inner_lower = line + (0.80 * gap - 0.012 * mouth["tuck"]) * inside
    pressed, tucked = 1 - 0.62 * mouth["press"], 1 - 0.62 * mouth["tuck"]
    full = np.clip(1 - np.abs(s) ** 2.2, 0, 1) ** 0.8
    bow = 1 - 0.38 * p.cupid * np.exp(-0.5 * (s / 0.13) ** 2) * (1 - 0.5 * roundness)
    outer_upper = inner_upper - p.upper_lip * pressed * (1 + 0.3 * roundness - 0.12 * mouth["opening"]) * full * bow
    outer_lower = (
        inner_lower + p.lower_lip * pressed * tucked * (1 + 0.25 * roundness - 0.2 * mouth["opening"]) * full**0.95
    )
    return outer_upper, inner_upper, inner_lower, outer_lower


def eye_curves(person: Person, side: int, blink: float, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights v of the upper and the lower lid at s = -1 (towards the nose) .. 1 (outer corner)."""
    p = person
    s = np.clip(s, -1, 1)
    base = p.eye_y - p.eye_tilt * p.eye_width * s
    arc = np.clip(1 - np.abs(s) ** 2.3, 0, 1) ** 0.75
    skew = 1 + 0.12 * s * (1 - s * s)
    lower = base + 0.72 * p.eye_height * np.clip(1 - s * s, 0, 1) ** 0.9
    open_lid = base - 1.12 * p.eye_height * arc * skew
    return open_lid + blink * (lower - 0.10 * p.eye_height * arc - open_lid), lower
