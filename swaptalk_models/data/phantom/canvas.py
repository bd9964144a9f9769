"""Head units on a pixel grid, and the few soft brushes that everything is drawn with."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike

UNITS_ACROSS = 1 / 0.30
"""Head units across a frame: from brows to chin is then 40 % of the frame's height, enough for a HOG detector."""


@dataclass(frozen=True)
class Canvas:
    """A square of `side` pixels; (u, v) = (0, 0) is its middle. `u` is (1, side), `v` (side, 1): they broadcast."""

    side: int
    u: np.ndarray = field(init=False, repr=False)
    v: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        centres = ((np.arange(self.side, dtype=np.float32) + 0.5) / self.side - 0.5) * np.float32(UNITS_ACROSS)
        object.__setattr__(self, "u", centres[None, :])
        object.__setattr__(self, "v", centres[:, None])

    @property
    def unit(self) -> float:
        """Pixels in one head unit."""
        return self.side / UNITS_ACROSS

    def pixel(self, units: ArrayLike) -> np.ndarray:
        """Head units -> pixel coordinates (pixel centres are whole numbers)."""
        return np.asarray(units) * self.unit + self.side / 2 - 0.5

    def window(self, u0: float, u1: float, v0: float, v1: float) -> tuple[slice, slice]:
        """(rows, columns) of the pixels that touch the rectangle, cut to the canvas."""
        left, right, top, bottom = self.pixel((u0, u1, v0, v1))
        rows = slice(max(0, int(np.floor(top))), min(self.side, int(np.ceil(bottom)) + 1))
        return rows, slice(max(0, int(np.floor(left))), min(self.side, int(np.ceil(right)) + 1))

    def cover(self, distance: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """Coverage 0..1 from a signed distance in units (inside positive); edge: a pixel plus `soft` units wide."""
        return np.clip(distance / (soft + 1 / self.unit) + 0.5, 0, 1)

    def blur(self, image: np.ndarray, sigma: float) -> np.ndarray:
        """Gaussian of `sigma` units."""
        return cv2.GaussianBlur(np.ascontiguousarray(image, np.float32), (0, 0), sigma * self.unit)


def bump(u: np.ndarray, v: np.ndarray, u0: float, v0: float, su: float, sv: float) -> np.ndarray:
    """A Gaussian hill of height 1; separable, so cheap on the broadcasting axes of a Canvas."""
    return np.exp(-0.5 * ((u - u0) / su) ** 2) * np.exp(-0.5 * ((v - v0) / sv) ** 2)


def smoothstep(x: np.ndarray | float, low: float, high: float) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def over(image: np.ndarray, colour: ArrayLike, alpha: np.ndarray) -> None:
    """Lays `colour` (3,) or (H, W, 3) over `image` (H, W, 3) float32, in place."""
    image += (np.asarray(colour, np.float32) - image) * alpha[..., None]


def layer(image: np.ndarray, colour: ArrayLike, alpha: np.ndarray) -> None:
    """The same onto a layer (H, W, 4) that has an alpha of its own (colour not multiplied by it), in place."""
    below = image[..., 3] * (1 - alpha)
    total = alpha + below
    share = alpha / np.maximum(total, 1e-4)
    image[..., :3] += (np.asarray(colour, np.float32) - image[..., :3]) * share[..., None]
    image[..., 3] = total


def smooth_noise(rng: np.random.Generator, positions: np.ndarray, cells: int) -> np.ndarray:
    """Smooth periodic noise in about [-1, 1] along `positions` (0..1 is one period), with `cells` knots."""
    knots = rng.uniform(-1, 1, cells)
    x = (np.asarray(positions) % 1.0) * cells
    low = np.floor(x).astype(int) % cells
    t = x - np.floor(x)
    t = t * t * (3 - 2 * t)
    return (knots[low] * (1 - t) + knots[(low + 1) % cells] * t).astype(np.float32)
