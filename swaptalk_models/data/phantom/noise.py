"""Random fields that surfaces are made of: clouds for mottled skin and cloth, fibres for hair."""

from __future__ import annotations

import cv2
import numpy as np


def cloud(rng: np.random.Generator, height: int, width: int, cell: float) -> np.ndarray:
    """Isotropic smooth noise with features of `cell` pixels, (height, width) float32 of mean 0 and deviation 1."""
    cell = max(cell, 1.0)
    rows, columns = (max(2, round(n / cell) + 1) for n in (height, width))
    knots = rng.standard_normal((rows, columns)).astype(np.float32)
    field = cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def clouds(rng: np.random.Generator, side: int, cells: dict[float, float]) -> np.ndarray:
    """Sum of clouds, `cells`: feature size (px) -> weight. (side, side) float32; deviation about the weights' norm."""
    fields = (weight * cloud(rng, side, side, cell) for cell, weight in cells.items())
    return sum(fields, start=np.zeros((side, side), np.float32))


def fibres(rng: np.random.Generator, across: np.ndarray, along: np.ndarray, count: int, length: float) -> np.ndarray:
    """Noise that is fine `across` and long `along`: strands of hair seen side by side.

    `across` in 0..1 (periodic, holds `count` strands), `along` in units of which a strand keeps its brightness for
    `length`; both (H, W). -> (H, W) float32 of about mean 0 and deviation 1.
    """
    rows = 16
    table = rng.standard_normal((rows, count)).astype(np.float32)
    table = np.concatenate([table, table[:, :2]], 1)
    map_x = ((np.asarray(across) % 1.0) * count).astype(np.float32)
    map_y = (np.abs(((np.asarray(along) / length) % (2 * rows - 2)) - (rows - 1))).astype(np.float32)
    map_x, map_y = (np.ascontiguousarray(m) for m in np.broadcast_arrays(map_x, map_y))
    return cv2.remap(table, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) * np.float32(1.5)
