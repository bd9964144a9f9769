"""The features that change every frame: lips, teeth, tongue, eyes.

They are drawn as height curves over the columns of a small window: a curve v(u) is one number a column, so that a shape
is a comparison of two broadcasting axes and comes out anti-aliased.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, bump, over, smoothstep
from swaptalk_models.data.phantom.people import Person

GAPE = 0.30
"""Widest gap between the lips, in head units (opening = 1)."""

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
    line = p.mouth_y - p.corner * s * s + 0.010 * np.exp(-0.5 * (s / 0.22) ** 2) * (1 - roundness)
    inside = np.clip(1 - (s / 0.94) ** 2, 0, 1) ** (0.64 - 0.16 * roundness)
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


class Mouth:
    """Lips and what is behind them, painted into a window of the head's texture."""

    def __init__(self, person: Person, canvas: Canvas):
        self._person, self._canvas = person, canvas
        y, half = person.mouth_y, person.mouth_width * 1.3 + 0.05
        self.window = canvas.window(-half, half, y - 0.19, y + GAPE + 0.20)
        self._u, self._v = canvas.u[:, self.window[1]], canvas.v[self.window[0]]
        self._lip = np.asarray(person.lip_colour, np.float32)
        self._shadow = np.asarray(person.skin, np.float32) * np.array((0.42, 0.27, 0.25), np.float32)
        self._lamp = 0.10 * np.sign(person.light)

    def paint(self, image: np.ndarray, mouth: dict[str, float]) -> None:
        """`image`: the window's pixels, (h, w, 3) float32 0..1, changed in place."""
        u, v, cover = self._u, self._v, self._canvas.cover
        half = mouth_half_width(self._person, mouth)
        s = u / half
        top, inner_top, inner_bottom, bottom = lip_curves(self._person, mouth, s)
        ends = self._canvas.cover((1 - np.abs(s)) * half)
        rounded = np.clip(1 - s * s, 0, 1)
        # Soft shadow of the lower lip on the chin, a light edge above the upper lip, and the dimples at the corners.
        shadow = 0.20 * np.exp(-0.5 * ((v - bottom - 0.035) / 0.028) ** 2) * rounded
        for side in (-1, 1):
            shadow = shadow + 0.55 * bump(u, v, side * half, self._person.mouth_y - self._person.corner, 0.022, 0.022)
        over(image, self._shadow, np.clip(shadow, 0, 0.8).astype(np.float32))
        lips = cover(np.minimum(v - top, bottom - v)) * ends
        hole = cover(np.minimum(v - inner_top, inner_bottom - v)) * ends
        over(image, self._lips(top, inner_top, inner_bottom, bottom, s, mouth), lips)
        gap = lip_gap(mouth)
        if gap > 0.004:
            over(image, self._inside(inner_top, inner_bottom, s, mouth, gap), hole)
        # The line where the lips meet.
        seam = np.exp(-0.5 * ((v - (inner_top + inner_bottom) / 2) / 0.010) ** 2) * ends * max(0.0, 1 - gap / 0.03)
        over(image, self._lip * (0.32, 0.24, 0.26), (0.85 * seam).astype(np.float32))

    def _lips(self, top, inner_top, inner_bottom, bottom, s, mouth) -> np.ndarray:
        v = self._v
        above = np.clip((v - top) / np.maximum(inner_top - top, 1e-3), 0, 1)
        below = np.clip((v - inner_bottom) / np.maximum(bottom - inner_bottom, 1e-3), 0, 1)
        upper = v < (inner_top + inner_bottom) / 2
        light = np.where(
            upper, 0.98 - 0.26 * above, 0.82 + 0.46 * np.sin(np.pi * np.clip(0.15 + below, 0, 1)) - 0.10 * below
        )
        light = light * (0.84 + 0.16 * np.sqrt(np.clip(1 - s * s, 0, 1))) * (1 + self._lamp * s)
        pursed = max(0.0, -mouth["spread"])
        gloss = np.where(upper, 0.0, np.exp(-0.5 * ((below - 0.36) / 0.16) ** 2)) * np.exp(
            -0.5 * ((s - 1.6 * self._lamp) / 0.36) ** 2
        )
        return (self._lip * light[..., None] + ((0.12 + 0.08 * pursed) * gloss)[..., None]).astype(np.float32)

    def _inside(self, inner_top, inner_bottom, s, mouth, gap: float) -> np.ndarray:
        p, u, v = self._person, self._u, self._v
        cover = self._canvas.cover
        image = np.empty((v.shape[0], u.shape[1], 3), np.float32)
        image[:] = (0.17, 0.055, 0.06)
        curve = np.clip(1 - 0.8 * s * s, 0.2, 1)
        # Tongue: a hump on the floor of the mouth that rises to the teeth for l, th, t, d, n.
        crown = inner_bottom - (0.07 + 0.10 * mouth["tongue"] + 0.12 * gap) * np.clip(1 - (s / 0.78) ** 2, 0, 1)
        depth = np.clip((v - crown) / 0.11, 0, 1)
        tongue = cover(v - crown, 0.015)
        # Little light reaches in through a narrow gap.
        lit = 0.35 + 0.65 * smoothstep(gap, 0.08, 0.24)
        colour = (
            lit
            * np.array((0.62, 0.26, 0.27), np.float32)
            * (0.62 + 0.45 * np.sin(np.pi * np.clip(depth, 0, 0.9)) - 0.12 * np.exp(-((s / 0.10) ** 2)))[..., None]
        )
        over(image, colour, tongue * (0.95 if mouth["tongue"] > 0.5 else 0.85))
        # Teeth: the upper row is fixed to the skull, the lower one falls with the jaw.
        upper_edge = p.mouth_y + 0.020 - 0.025 * s * s
        lower_edge = p.mouth_y + 0.80 * gap - 0.022 + 0.03 * s * s
        inside = cover((0.80 - np.abs(s)) * 0.3, 0.02)
        white = np.array((0.93, 0.90, 0.84), np.float32)
        between = 1 - 0.10 * np.exp(-((((u / 0.052) % 1.0) - 0.5) ** 2) / 0.008)
        shade_upper = (0.42 + 0.50 * np.clip((v - inner_top) / 0.035, 0, 1)) * curve * between
        over(image, white * shade_upper[..., None], cover(upper_edge - v) * inside)
        shade_lower = 0.66 * curve * between * np.ones_like(v)
        over(
            image,
            white * shade_lower[..., None],
            cover(v - lower_edge) * inside * (1 - 0.9 * mouth["tongue"]) * 0.8 * smoothstep(gap, 0.10, 0.2),
        )
        image *= (0.55 + 0.45 * np.clip((v - inner_top) / 0.03, 0, 1))[..., None]
        return image


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


class Eye:
    """One eye, painted into a window of the head's texture."""

    def __init__(self, person: Person, canvas: Canvas, side: int):
        self._person, self._canvas, self._side = person, canvas, side
        x, wide = side * person.eye_x, person.eye_width + 0.07
        self.window = canvas.window(x - wide, x + wide, person.eye_y - 0.16, person.eye_y + 0.13)
        self._u, self._v = canvas.u[:, self.window[1]], canvas.v[self.window[0]]
        self._iris = np.asarray(person.iris_colour, np.float32)
        self._skin = np.asarray(person.skin, np.float32)
        self._lamp = float(np.sign(person.light) or 1.0)

    def paint(self, image: np.ndarray, blink: float, look: tuple[float, float]) -> None:
        """`look`: offset (units) of the iris from the eye's middle. `image`: the window, float32 0..1, in place."""
        p, u, v, cover = self._person, self._u, self._v, self._canvas.cover
        s = self._side * (u - self._side * p.eye_x) / p.eye_width
        upper, lower = eye_curves(p, self._side, blink, s)
        resting = eye_curves(p, self._side, 0.0, s)[0]
        round_off = np.clip(1 - s * s, 0, 1)
        # The fold above the lid smooths out while the lid is down.
        fold = (
            np.exp(-0.5 * ((v - resting + 0.028 + 0.022 * p.crease) / 0.012) ** 2)
            * np.sqrt(round_off)
            * (0.30 + 0.4 * p.crease)
            * (1 - 0.7 * blink)
        )
        over(image, self._skin * (0.45, 0.32, 0.30), fold.astype(np.float32))
        over(
            image,
            self._ball(upper, lower, look),
            cover(np.minimum(v - upper, lower - v)) * cover((1 - np.abs(s)) * p.eye_width),
        )
        rim = np.exp(-0.5 * ((v - lower - 0.004) / 0.009) ** 2) * np.sqrt(round_off) * (0.35 + 0.25 * p.lashes)
        over(image, self._skin * (0.40, 0.25, 0.24), rim.astype(np.float32))
        thick = 0.012 + 0.016 * p.lashes
        wing = 0.5 + 0.6 * smoothstep(s, -0.8, 1.0)
        lash = cover(thick * wing - np.abs(v - upper + 0.35 * thick), 0.006) * cover((1.06 - np.abs(s)) * p.eye_width)
        over(image, (0.09, 0.06, 0.06), (0.92 * lash).astype(np.float32))

    def _ball(self, upper, lower, look) -> np.ndarray:
        p, u, v, cover = self._person, self._u, self._v, self._canvas.cover
        x, y = self._side * p.eye_x + look[0], p.eye_y - 0.12 * p.eye_height + look[1]
        away = np.hypot(u - self._side * p.eye_x, v - p.eye_y)
        image = np.empty((v.shape[0], u.shape[1], 3), np.float32)
        image[:] = np.array((0.95, 0.93, 0.91), np.float32) * (1.0 - 0.35 * smoothstep(away, 0.05, 0.16))[..., None]
        r = np.hypot(u - x, v - y)
        radius = p.iris_radius
        tone = (
            0.78 + 0.55 * np.clip((v - y) / radius, -0.4, 1) * (r / radius) - 0.6 * smoothstep(r, 0.72 * radius, radius)
        )
        over(image, self._iris * np.clip(tone, 0.2, 1.5)[..., None], cover(radius - r, 0.006))
        over(image, (0.03, 0.025, 0.03), cover(0.45 * radius - r, 0.006))
        # The upper lid shades the ball; then the catch-lights, which stay with the lamp and not with the gaze.
        image *= (1 - 0.55 * np.exp(-np.clip(v - upper, 0, None) / 0.022))[..., None]
        glint = cover(0.30 * radius - np.hypot(u - x - 0.36 * radius * self._lamp, v - y + 0.34 * radius), 0.008)
        over(image, (1.0, 1.0, 1.0), 0.95 * glint)
        small = cover(0.15 * radius - np.hypot(u - x + 0.40 * radius * self._lamp, v - y - 0.36 * radius), 0.010)
        over(image, (1.0, 1.0, 1.0), 0.45 * small)
        return image
