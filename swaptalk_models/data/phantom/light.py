"""Light on a phantom: a key lamp from any side, a weaker one elsewhere, sky from above and bounce from below.

Everything here is linear light (radiance). Screen values come out of `develop`, a square root (close to the display
gamma of 2.2, and quick) behind a soft shoulder for the highlights.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from swaptalk_models.data.phantom.canvas import Canvas, smoothstep
from swaptalk_models.data.phantom.draws import Draws

Colour = tuple[float, float, float]
"""RGB, 0 to 1."""

_LUMA = np.array((0.299, 0.587, 0.114))
_WARM, _NEUTRAL, _COOL = np.array((1.0, 0.74, 0.48)), np.array((1.0, 0.96, 0.90)), np.array((0.78, 0.90, 1.0))

_SCATTER = (0.024, 0.011, 0.006)
"""Sigma (units) to which skin spreads red, green and blue light below its surface: shadows get soft, red rims."""

_SHOULDER = 0.62
"""Linear level from which highlights are compressed."""


def linear(colour: np.ndarray | Colour) -> np.ndarray:
    """Screen value 0..1 -> linear light, float32."""
    return np.square(np.asarray(colour, np.float32))


def shoulder(radiance: np.ndarray) -> np.ndarray:
    """Linear light >= 0 -> 0..1: as it is up to _SHOULDER, then ever flatter, as a camera renders highlights."""
    room = np.float32(1 - _SHOULDER)
    return np.where(
        radiance < _SHOULDER, radiance, 1 - room * np.exp(-np.maximum(radiance - _SHOULDER, 0) / room)
    ).astype(np.float32)


def develop(radiance: np.ndarray) -> np.ndarray:
    """Linear light -> uint8 screen values of the same shape."""
    return (np.sqrt(shoulder(np.maximum(radiance, 0))) * 255 + 0.5).astype(np.uint8)


def temperature(warmth: float) -> np.ndarray:
    """Colour of a lamp, RGB: `warmth` -1 is open shade, 0 daylight, 1 a bulb."""
    far = _WARM if warmth > 0 else _COOL
    return _NEUTRAL + abs(warmth) * (far - _NEUTRAL)


@dataclass(frozen=True)
class Light:
    """The lamps round one person. Angles in radians as the camera sees them, strengths relative to the key's 1."""

    azimuth: float
    """Key: negative is left in the image."""
    elevation: float
    warmth: float
    """-1 cool to 1 warm."""
    softness: float
    """0 a bare bulb with sharp shadows, 1 an overcast window."""
    fill: float
    """Strength of the second lamp, across from the key."""
    fill_warmth: float
    sky: float
    """Light from all sides, more of it from above."""
    bounce: Colour
    """Linear colour that shirt and table throw up from below."""
    exposure: float
    """Mean light on the face; 1 shows the skin's own colour."""

    @property
    def side(self) -> float:
        """-1: the key lamp is left in the image, 1: right."""
        return 1.0 if self.azimuth >= 0 else -1.0

    def direction(self, turn: float = 0.0) -> np.ndarray:
        """Unit vector (right, down, towards the camera) to the key lamp, for a head turned by `turn` radians."""
        azimuth = self.azimuth - turn
        flat = np.cos(self.elevation)
        return np.array((np.sin(azimuth) * flat, -np.sin(self.elevation), np.cos(azimuth) * flat), np.float32)

    def _fill_direction(self, turn: float) -> np.ndarray:
        azimuth = -0.8 * self.side - turn
        return np.array((np.sin(azimuth) * 0.95, -0.31, np.cos(azimuth) * 0.95), np.float32)

    def on(
        self,
        normal: np.ndarray,
        shadow: np.ndarray | float = 1.0,
        open_sky: np.ndarray | float = 1.0,
        turn: float = 0.0,
    ) -> np.ndarray:
        """Irradiance (..., 3) on surfaces of unit `normal` (..., 3); `shadow`, `open_sky` (...): share that arrives."""
        wrap = 0.05 + 0.25 * self.softness
        key = np.clip((normal @ self.direction(turn) + wrap) / (1 + wrap), 0, None) * shadow
        fill = np.clip((normal @ self._fill_direction(turn) + 0.5) / 1.5, 0, None) * open_sky
        up = (0.5 - 0.5 * normal[..., 1]) * open_sky
        down = (0.5 + 0.5 * normal[..., 1]) * open_sky
        white = self._white()
        return (
            key[..., None] * (temperature(self.warmth) * white).astype(np.float32)
            + fill[..., None] * (self.fill * temperature(self.fill_warmth) * white).astype(np.float32)
            + up[..., None] * (self.sky * _NEUTRAL * white).astype(np.float32)
            + down[..., None] * (0.8 * self.sky * np.asarray(self.bounce) * white).astype(np.float32)
        )

    def _white(self) -> np.ndarray:
        """Exposure and a camera's white balance, which takes back most of the lamps' mean colour."""
        flat = np.cos(self.elevation)
        key = 0.80 * (0.35 + 0.65 * flat * np.cos(self.azimuth))
        mean = (
            key * temperature(self.warmth)
            + 0.6 * self.fill * temperature(self.fill_warmth)
            + 0.55 * self.sky * _NEUTRAL
            + 0.4 * self.sky * np.asarray(self.bounce)
        )
        level = float(mean @ _LUMA)
        return self.exposure / level * (level / mean) ** 0.75


def draw_light(draw: Draws, bounce: Colour, skin: Colour) -> Light:
    """From a flat studio to a lamp far on one side; some shade is always filled, as on any face that is filmed.

    `bounce` is the colour of the clothes; a camera exposes for the `skin`, so fair faces get a little less.
    """
    metered = float(np.clip((0.25 / (linear(skin) @ _LUMA)) ** 0.25, 0.82, 1.15))
    side = draw.uniform(-1, 1)
    azimuth = np.radians(62 * np.sign(side) * abs(side) ** 1.2)
    red, green, blue = 0.25 + 0.75 * linear(bounce)
    return Light(
        azimuth=float(azimuth),
        elevation=float(np.radians(draw.uniform(6, 38))),
        warmth=draw.uniform(-0.6, 0.9),
        softness=draw.uniform(),
        fill=draw.uniform(0.15, 0.60),
        fill_warmth=draw.uniform(-0.9, 0.7),
        sky=draw.uniform(0.22, 0.50),
        bounce=(float(red), float(green), float(blue)),
        exposure=metered * draw.uniform(0.95, 1.45),
    )


def normals(depth: np.ndarray, unit: float) -> np.ndarray:
    """Unit normals (H, W, 3) of a height field (H, W), `unit` pixels a unit."""
    dv, du = np.gradient(depth, 1 / unit)
    normal = np.stack([-du, -dv, np.ones_like(du)], -1).astype(np.float32)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def cast_shadow(depth: np.ndarray, unit: float, light: Light, turn: float = 0.0) -> np.ndarray:
    """Share 0..1 of the key lamp that reaches each spot of the height field: a march towards the lamp."""
    x, y, z = (float(c) for c in light.direction(turn))
    flat = max(float(np.hypot(x, y)), 1e-3)
    hidden = np.zeros_like(depth)
    for reach in (0.03, 0.06, 0.09, 0.13, 0.17, 0.22, 0.28, 0.36):
        shift = np.array([[1, 0, -reach * x / flat * unit], [0, 1, -reach * y / flat * unit]], np.float32)
        moved = cv2.warpAffine(
            depth, shift, (depth.shape[1], depth.shape[0]), borderMode=cv2.BORDER_CONSTANT, borderValue=-1.0
        )
        soft = 0.015 + (0.10 + 0.35 * light.softness) * reach
        hidden = np.maximum(hidden, smoothstep(moved - depth - reach * z / flat, 0.0, soft))
    sigma = (0.010 + 0.030 * light.softness) * unit
    return 1 - (0.68 - 0.28 * light.softness) * cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), sigma)


def open_sky(depth: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Ambient occlusion 0..1: how far a spot lies below its surroundings, at three scales."""
    below = 4.5 * (depth - canvas.blur(depth, 0.05)) + 3.0 * (depth - canvas.blur(depth, 0.12))
    below += 0.9 * (depth - canvas.blur(depth, 0.30))
    return np.clip(0.97 + below, 0.42, 1.12).astype(np.float32)


def scatter(irradiance: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Subsurface scattering as a blur of the light, widest in the red (after Borshukov and Lewis 2003)."""
    soft = np.stack([canvas.blur(irradiance[..., c], sigma) for c, sigma in enumerate(_SCATTER)], -1)
    return 0.4 * irradiance + 0.6 * soft
