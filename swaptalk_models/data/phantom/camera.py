"""The camera that films a phantom: lens, sensor and picture processing, each drawn per person.

It changes how the picture looks and never where anything is: the landmarks stay true.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from swaptalk_models.data.phantom.draws import Draws
from swaptalk_models.data.phantom.noise import cloud

_TILES = 6
"""Fields of noise that a camera has; every frame takes one of them at a shift of its own."""

_ROOM = 48
"""Pixels by which a field of noise is larger than the frame, so that it can be shifted."""


@dataclass(frozen=True)
class Camera:
    """Strengths of what a camera does to a picture. Screen values count 0 to 1."""

    blur: float
    """Sigma of the lens, in pixels of a frame of 256."""
    grain: float
    """Deviation of the luma noise."""
    colour_grain: float
    """Deviation of the chroma noise, coarser than the luma's."""
    grain_size: float
    """Feature size (px) of the noise: a sensor's is 1, a denoiser or a codec leaves larger ones."""
    white: tuple[float, float, float]
    """Gains on red, green and blue: the white balance that was missed."""
    contrast: float
    """1 as it is; above, an S curve about the middle grey."""
    saturation: float
    sharpen: float
    """Overshoot that the camera adds at edges (unsharp mask)."""
    vignette: float
    """Loss of light in the corners."""
    crf: int
    """x264's constant rate factor of the file."""


def draw_camera(draw: Draws) -> Camera:
    """From a clean studio camera to a webcam in the evening; the file from close to lossless to plainly compressed."""
    warm, tint = draw.uniform(-0.07, 0.07), draw.uniform(-0.025, 0.025)
    grain = draw.uniform() ** 1.7
    return Camera(
        blur=0.22 + 0.50 * draw.uniform() ** 1.8,
        grain=0.001 + 0.010 * grain,
        colour_grain=0.007 * grain * draw.uniform(),
        grain_size=draw.uniform(1.0, 2.2),
        white=(1 + warm, 1 - tint, 1 - warm),
        contrast=draw.uniform(0.98, 1.20),
        saturation=draw.uniform(0.85, 1.30),
        sharpen=max(0.0, draw.uniform(-0.4, 0.8)),
        vignette=draw.uniform(0.0, 0.22),
        crf=round(draw.uniform(14, 24)),
    )


class Shooting:
    """`frame(scene, index)` -> what the camera records. `scene`: uint8 (size, size, 3); the same index, same noise."""

    def __init__(self, camera: Camera, size: int, seed: int):
        self._camera, self._size = camera, size
        rng = np.random.default_rng([seed, 0xCA3E])
        side = size + _ROOM
        self._tiles = [self._noise(rng, side) for _ in range(_TILES)] if camera.grain > 0 else []
        self._shifts = rng.integers(0, _ROOM, (4096, 2))
        self._curves = self._tone_curves()
        axis = np.linspace(-1, 1, size, dtype=np.float32)
        dark = 1 - camera.vignette * 0.5 * (axis[:, None] ** 2 + axis[None, :] ** 2)
        self._corners = np.repeat(dark[..., None], 3, -1).astype(np.float32)

    def _noise(self, rng: np.random.Generator, side: int) -> np.ndarray:
        c = self._camera
        luma = c.grain * cloud(rng, side, side, c.grain_size)
        red, blue = (c.colour_grain * cloud(rng, side, side, 2 * c.grain_size) for _ in range(2))
        field = luma[..., None] + np.stack([red, -0.5 * red - 0.2 * blue, blue], -1)
        return np.round(field * 255).astype(np.int16)

    def _tone_curves(self) -> np.ndarray:
        """(1, 256, 3) uint8: contrast and white balance in one look-up."""
        x = np.linspace(0, 1, 256)
        bent = 0.45 + (x - 0.45) * self._camera.contrast
        gains = np.asarray(self._camera.white)
        return np.clip(bent[:, None] * gains * 255 + 0.5, 0, 255).astype(np.uint8)[None]

    def frame(self, scene: np.ndarray, index: int) -> np.ndarray:
        c = self._camera
        sigma = c.blur * self._size / 256
        picture = cv2.GaussianBlur(scene, (0, 0), sigma)
        if c.sharpen > 0:
            picture = cv2.addWeighted(
                picture, 1 + c.sharpen, cv2.GaussianBlur(picture, (0, 0), 1.3 * self._size / 256), -c.sharpen, 0
            )
        picture = cv2.multiply(picture, self._corners, dtype=cv2.CV_8U)
        picture = cv2.LUT(picture, self._curves)
        if abs(c.saturation - 1) > 0.01:
            grey = (1 - c.saturation) * np.array((0.299, 0.587, 0.114))
            picture = cv2.transform(picture, np.eye(3) * c.saturation + grey[None, :])
        if self._tiles:
            y, x = self._shifts[index % len(self._shifts)]
            tile = self._tiles[index % _TILES][y : y + self._size, x : x + self._size]
            picture = cv2.add(picture, tile, dtype=cv2.CV_8U)
        return picture
