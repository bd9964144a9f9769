"""Eyes: wet balls behind lids with lashes."""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, over, smoothstep
from swaptalk_models.data.phantom.features import eye_curves
from swaptalk_models.data.phantom.light import linear, shoulder
from swaptalk_models.data.phantom.noise import cloud, fibres
from swaptalk_models.data.phantom.people import Person

_WHITE = np.array((0.47, 0.42, 0.39), np.float32)
_BALL = 0.17
"""Radius (units) of the eyeball: 12 mm of an eye where eyes are 63 mm apart, a little more for the soft rim."""


class Eye:
    """One eye, painted into a window of the head's texture, in linear light.

    `light`: irradiance (side, side, 3) on the head; what reaches the socket reaches the ball.
    """

    def __init__(self, person: Person, canvas: Canvas, side: int, light: np.ndarray):
        self._person, self._canvas, self._side = person, canvas, side
        x, wide = side * person.eye_x, person.eye_width + 0.07
        self.window = canvas.window(x - wide, x + wide, person.eye_y - 0.16, person.eye_y + 0.13)
        u, v = self._u, self._v = canvas.u[:, self.window[1]], canvas.v[self.window[0]]
        rng = np.random.default_rng([person.index, 80 + side])
        dx, dy = (u - x) / _BALL + 0 * v, (v - person.eye_y) / _BALL + 0 * u
        normal = np.stack([dx, dy, np.sqrt(np.clip(1 - dx * dx - dy * dy, 0.08, 1))], -1).astype(np.float32)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        ahead = person.light.on(np.array((0, 0, 1), np.float32))
        share = np.clip(light[self.window].mean((0, 1)) / np.maximum(ahead, 1e-3), 0.45, 1.0)
        self._falls = person.light.on(normal) * share
        veins = cloud(rng, v.shape[0], u.shape[1], 0.014 * canvas.unit)
        corner = smoothstep(np.abs(dx) * _BALL, 0.45 * person.eye_width, 1.1 * person.eye_width)
        red = np.clip(0.10 + 0.9 * corner + 0.10 * veins, 0, 1) * (0.25 + 0.4 * person.blush)
        self._sclera = _WHITE * np.exp(-red[..., None] * np.array((0.15, 0.75, 0.80), np.float32))
        self._iris = self._iris_patch(rng)
        self._lash_hairs = np.clip(0.5 + 0.6 * fibres(rng, u * 1.0, 0 * v, 70, 1.0), 0, 1)
        self._skin = linear(person.skin)

    def _iris_patch(self, rng: np.random.Generator) -> np.ndarray:
        """(n, n, 4) albedo and alpha of iris and pupil: spokes, a lighter collar, a dark rim."""
        p, unit = self._person, self._canvas.unit
        n = 2 * round(1.4 * p.iris_radius * unit) + 1
        axis = (np.arange(n, dtype=np.float32) - n // 2) / unit
        r, angle = np.hypot(axis[:, None], axis), np.arctan2(axis[:, None], axis) / (2 * np.pi)
        rel = r / p.iris_radius
        spokes = fibres(rng, angle, rel, 36, 0.5)
        tone = 0.95 + 0.22 * spokes + 0.45 * np.exp(-(((rel - 0.52) / 0.12) ** 2)) - 0.75 * smoothstep(rel, 0.74, 1.0)
        colour = linear(p.iris_colour) * 0.85 * np.clip(tone, 0.12, 2)[..., None]
        over(colour, (0.004, 0.004, 0.005), self._canvas.cover((0.42 + 0.08 * p.eye_depth) * p.iris_radius - r, 0.006))
        alpha = self._canvas.cover(p.iris_radius - r, 0.008)
        return np.dstack([colour, alpha]).astype(np.float32)

    def paint(self, image: np.ndarray, blink: float, look: tuple[float, float]) -> None:
        """`look`: offset (units) of the iris from the eye's middle. `image`: the window, float32, linear, in place."""
        p, u, v, cover = self._person, self._u, self._v, self._canvas.cover
        s = self._side * (u - self._side * p.eye_x) / p.eye_width
        upper, lower = eye_curves(p, self._side, blink, s)
        resting = eye_curves(p, self._side, 0.0, s)[0]
        round_off = np.sqrt(np.clip(1 - (s / 1.05) ** 2, 0, 1))
        # The fold above the lid smooths out while the lid is down; the lid below it catches light.
        height = 0.026 + 0.024 * p.crease
        fold = (
            np.exp(-0.5 * ((v - resting + height) / 0.010) ** 2)
            * round_off
            * (0.30 + 0.35 * p.crease)
            * (1 - 0.6 * blink)
        )
        lid = 0.10 * np.exp(-0.5 * ((v - resting + 0.5 * height) / 0.010) ** 2) * round_off
        image *= (1 - fold + lid)[..., None].astype(np.float32)
        over(
            image,
            self._ball(upper, lower, look),
            cover(np.minimum(v - upper, lower - v), 0.004) * cover((1 - np.abs(s)) * p.eye_width),
        )
        # The wet edge of the lower lid, and its shade below.
        wet = np.exp(-0.5 * ((v - lower - 0.003) / 0.0055) ** 2) * round_off * (1 - 0.6 * blink)
        over(image, self._skin * (1.15, 0.80, 0.78) * self._falls, (0.50 * wet).astype(np.float32))
        rim = np.exp(-0.5 * ((v - lower - 0.014) / 0.009) ** 2) * round_off * (0.16 + 0.22 * p.lashes)
        over(image, self._skin * (0.16, 0.08, 0.07), rim.astype(np.float32))
        self._lashes(image, upper, s, blink)

    def _lashes(self, image: np.ndarray, upper: np.ndarray, s: np.ndarray, blink: float) -> None:
        """A dark line along the lid that thickens outwards, and single hairs that stand off it."""
        p, v, cover = self._person, self._v, self._canvas.cover
        thick = (0.014 + 0.010 * p.lashes) * (0.55 + 0.55 * smoothstep(s, -0.8, 1.0))
        ends = cover((1.04 - np.abs(s)) * p.eye_width)
        line = cover(thick - np.abs(v - upper + 0.3 * thick), 0.014) * ends
        long = (0.010 + 0.030 * p.lashes) * (0.4 + 0.6 * smoothstep(s, -0.9, 0.8)) * (1 - 1.4 * blink)
        reach = np.clip((upper - v) / np.where(np.abs(long) < 0.004, 0.004, long), -1, 2)
        hairs = self._lash_hairs * np.clip(1 - reach, 0, 1) * (reach > 0) * ends * (0.25 + 0.5 * p.lashes)
        alpha = np.clip(np.maximum(0.92 * line, hairs), 0, 1)
        over(image, np.array((0.012, 0.008, 0.008), np.float32), alpha.astype(np.float32))

    def _ball(self, upper: np.ndarray, lower: np.ndarray, look: tuple[float, float]) -> np.ndarray:
        p, u, v = self._person, self._u, self._v
        x, y = self._side * p.eye_x + look[0], p.eye_y - 0.15 * p.eye_height + look[1]
        n = self._iris.shape[0] // 2
        unit = self._canvas.unit
        shift = np.array([[1, 0, (x - u[0, 0]) * unit - n], [0, 1, (y - v[0, 0]) * unit - n]], np.float32)
        iris = cv2.warpAffine(self._iris, shift, (u.shape[1], v.shape[0]), flags=cv2.INTER_LINEAR)
        image = self._sclera * (1 - iris[..., 3:]) + iris[..., :3] * iris[..., 3:]
        # The upper lid and its lashes shade the ball.
        shade = (1 - 0.62 * np.exp(-np.clip(v - upper, 0, None) / 0.026)) * (
            1 - 0.25 * np.exp(-np.clip(lower - v, 0, None) / 0.02)
        )
        image = image * self._falls * shade[..., None]
        # The lamp's reflection on the cornea, and a fainter one of the fill; both stay with the lamps, not the gaze.
        light, radius = p.light, p.iris_radius
        lamp = light.direction()
        size = (0.13 + 0.14 * light.softness) * radius
        for way, strength in ((lamp[:2] * 0.62, 1.0), ((-0.45 * light.side, -0.10), 0.35 * light.fill)):
            r2 = (u - x - way[0] * radius) ** 2 + (v - y - way[1] * radius) ** 2
            glint = strength * np.clip(1.5 - np.sqrt(r2) / size, 0, 1)
            image = image + (0.9 * light.exposure * glint)[..., None]
        return shoulder(image.astype(np.float32))
