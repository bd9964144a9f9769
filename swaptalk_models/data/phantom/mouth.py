"""Lips and what is behind them: teeth, tongue, and the dark."""

from __future__ import annotations

import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, bump, over, smoothstep
from swaptalk_models.data.phantom.features import GAPE, lip_curves, lip_gap, mouth_half_width
from swaptalk_models.data.phantom.light import linear, shoulder
from swaptalk_models.data.phantom.noise import cloud, fibres
from swaptalk_models.data.phantom.people import Person
from swaptalk_models.data.phantom.teeth import TeethRow, teeth_row

_CAVITY = np.array((0.014, 0.004, 0.004), np.float32)
_TONGUE = np.array((0.34, 0.105, 0.105), np.float32)
_ENAMEL = np.array((0.74, 0.66, 0.52), np.float32), np.array((0.84, 0.80, 0.72), np.float32)


class Mouth:
    """Painted into a window of the head's texture, in linear light. `light`: irradiance (side, side, 3) on the head."""

    def __init__(self, person: Person, canvas: Canvas, light: np.ndarray):
        self._person, self._canvas = person, canvas
        y, half = person.mouth_y, person.mouth_width * 1.3 + 0.05
        self.window = canvas.window(-half, half, y - 0.19, y + GAPE + 0.20)
        self._u, self._v = canvas.u[:, self.window[1]], canvas.v[self.window[0]]
        self._lip = linear(person.lip_colour)
        rng = np.random.default_rng([person.index, 70])
        shape = (self._v.shape[0], self._u.shape[1])
        # Fine creases run from the inside of the lips outwards, and fan out a little.
        fan = self._u * (1 - 0.25 * np.abs(self._v - y))
        creases = 0.7 * fibres(rng, fan, self._v, 42, 0.06) + 0.5 * fibres(rng, fan, self._v, 85, 0.05)
        self._creases = creases + 0.4 * cloud(rng, *shape, 0.03 * canvas.unit)
        self._bumps = cloud(rng, *shape, 0.012 * canvas.unit)
        # Share of the open light that reaches the lips: what nose and cheeks shade off.
        around = light[self.window]
        ahead = person.light.on(np.array((0, 0, 1), np.float32))
        reach = np.stack([canvas.blur(around[..., c], 0.05) for c in range(3)], -1) / np.maximum(ahead, 1e-3)
        self._reach = np.clip(reach, 0.25, 1.25).astype(np.float32)
        self._rows: tuple[TeethRow, TeethRow] = teeth_row(person, self._u, True), teeth_row(person, self._u, False)
        half_way = person.light.direction() + np.array((0, 0, 1), np.float32)
        self._half_way = half_way / np.linalg.norm(half_way)

    def paint(self, image: np.ndarray, mouth: dict[str, float]) -> None:
        """`image`: the window's pixels, (h, w, 3) float32, linear, changed in place."""
        u, v, cover = self._u, self._v, self._canvas.cover
        half = mouth_half_width(self._person, mouth)
        s = u / half
        top, inner_top, inner_bottom, bottom = lip_curves(self._person, mouth, s)
        ends = cover((1 - np.abs(s)) * half)
        rounded = np.clip(1 - s * s, 0, 1)
        gap = lip_gap(mouth)
        # The lower lip shades the chin, the upper lip's border catches light, the corners lie in a dimple.
        shadow = 0.36 * np.exp(-0.5 * ((v - bottom - 0.026) / 0.026) ** 2) * rounded
        corner = self._person.mouth_y - self._person.corner + 0.26 * gap
        for side in (-1, 1):
            shadow = shadow + 0.50 * bump(u, v, side * half * 1.01, corner, 0.028, 0.022)
        edge = 0.10 * np.exp(-0.5 * ((v - top + 0.012) / 0.012) ** 2) * rounded
        image *= (1 - np.clip(shadow, 0, 0.75) + edge)[..., None].astype(np.float32)
        # Lips have no outline: colour grows over a band of skin, more so at the lower lip and towards the corners.
        lips = cover(np.minimum(v - top, (bottom - v) * 0.8), 0.022) * ends * (0.80 + 0.18 * rounded)
        over(image, self._lips(top, inner_top, inner_bottom, bottom, s), lips.astype(np.float32))
        if gap > 0.004:
            hole = cover(np.minimum(v - inner_top, inner_bottom - v), 0.006) * ends
            over(image, self._inside(inner_top, inner_bottom, s, mouth, gap), hole)
        # The line where the lips meet.
        middle = (inner_top + inner_bottom) / 2
        seam = np.exp(-0.5 * ((v - middle) / 0.011) ** 2) * ends * max(0.0, 1 - gap / 0.03)
        over(image, self._lip * (0.12, 0.05, 0.05), (0.88 * seam).astype(np.float32))

    def _lips(
        self,
        top: np.ndarray,
        inner_top: np.ndarray,
        inner_bottom: np.ndarray,
        bottom: np.ndarray,
        s: np.ndarray,
    ) -> np.ndarray:
        v, light = self._v, self._person.light
        above = np.clip((v - top) / np.maximum(inner_top - top, 1e-3), 0, 1)
        below = np.clip((v - inner_bottom) / np.maximum(bottom - inner_bottom, 1e-3), 0, 1)
        upper = v < (inner_top + inner_bottom) / 2
        # Rolls of flesh: the upper lip faces down, the lower one up and then down again.
        down = np.where(upper, -0.15 + 0.85 * above, -0.75 + 1.30 * below) + 0.07 * self._creases
        across = 0.55 * s + 0.08 * self._creases
        ahead = np.sqrt(np.clip(1 - down**2 - across**2, 0.12, 1))
        normal = np.stack([across, down, ahead], -1).astype(np.float32)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        falls = light.on(normal) * self._reach
        thin = np.where(upper, 0.76 - 0.26 * above**3, 0.95 - 0.20 * (1 - below) ** 3)
        colour = self._lip * falls * (thin * np.exp(0.10 * self._creases))[..., None]
        mirror = np.clip(normal @ self._half_way, 0, 1) ** 22 * (1 + 0.5 * self._creases).clip(0)
        wet = (0.04 + 0.26 * self._person.lip_gloss) * mirror * (1 - 0.5 * light.softness) * light.exposure
        return shoulder(colour + wet[..., None] * self._reach)

    def _inside(
        self, inner_top: np.ndarray, inner_bottom: np.ndarray, s: np.ndarray, mouth: dict[str, float], gap: float
    ) -> np.ndarray:
        p, v, cover = self._person, self._v, self._canvas.cover
        # Little light reaches in through a narrow gap, and less the deeper it has to go.
        lit = p.light.exposure * self._reach.mean() * (0.42 + 0.50 * float(smoothstep(gap, 0.03, 0.20)))
        image = np.empty((v.shape[0], self._u.shape[1], 3), np.float32)
        image[:] = _CAVITY
        self._paint_tongue(image, inner_bottom, s, mouth, gap, lit)
        enamel = _ENAMEL[0] + p.tooth_white * (_ENAMEL[1] - _ENAMEL[0])
        curve = np.clip(1 - 0.80 * s * s, 0.15, 1)
        inside = cover((0.84 - np.abs(s)) * 0.3, 0.03)
        # The upper row is fixed to the skull, the lower one falls with the jaw.
        upper, lower = self._rows
        edge = p.mouth_y + 0.018 - 0.020 * s * s - upper.edge
        lip_shade = 0.40 + 0.60 * np.clip((v - inner_top) / 0.045, 0, 1)
        glaze = 1 + 0.25 * np.exp(-0.5 * ((v - edge + 0.032) / 0.014) ** 2)
        shade = lit * lip_shade * curve * upper.shade * glaze * (1 - 0.42 * upper.gap)
        over(image, enamel * shade[..., None], cover(edge - v, 0.006) * inside)
        edge = p.mouth_y + 0.80 * gap - 0.030 + 0.030 * s * s + lower.edge
        shade = 0.38 * lit * curve * lower.shade * (1 - 0.40 * lower.gap) * np.ones_like(v)
        seen = (1 - 0.9 * mouth["tongue"]) * float(smoothstep(gap, 0.08, 0.18))
        over(image, enamel * (0.96, 0.93, 0.88) * shade[..., None], cover(v - edge, 0.006) * inside * 0.85 * seen)
        image *= (0.45 + 0.55 * np.clip((v - inner_top) / 0.035, 0, 1))[..., None]
        return shoulder(image)

    def _paint_tongue(
        self,
        image: np.ndarray,
        inner_bottom: np.ndarray,
        s: np.ndarray,
        mouth: dict[str, float],
        gap: float,
        lit: float,
    ) -> None:
        """A wet hump on the floor of the mouth that rises to the teeth for l, th, t, d, n."""
        v = self._v
        rise = 0.060 + 0.10 * mouth["tongue"] + 0.20 * gap
        crown = inner_bottom - rise * np.clip(1 - (s / 0.80) ** 2, 0, 1) ** 0.8
        depth = np.clip((v - crown) / (0.11 + 0.2 * gap), 0, 1)
        level = 0.30 + 0.60 * np.sin(np.pi * np.clip(depth, 0, 0.9)) - 0.16 * np.exp(-((s / 0.09) ** 2))
        level = level * np.exp(0.10 * self._bumps) * (0.60 + 0.40 * mouth["tongue"])
        wet = 0.05 * np.exp(
            -0.5 * ((depth - 0.32) / 0.10) ** 2 - 0.5 * ((s - 0.2 * self._person.light.side) / 0.30) ** 2
        )
        wet = wet * np.clip(1 + 0.8 * self._bumps, 0, 2.5)
        over(image, lit * (_TONGUE * level[..., None] + wet[..., None]), self._canvas.cover(v - crown, 0.020) * 0.95)
