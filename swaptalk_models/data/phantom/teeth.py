"""Two rows of teeth as curves over the columns of the mouth's window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swaptalk_models.data.phantom.people import Person

# Half a row from the middle outwards, widths in units; 0.08 is the 8.5 mm of a central incisor where eyes are 63 mm apart.
_UPPER = (0.078, 0.060, 0.068, 0.062, 0.060, 0.080)
_LOWER = (0.050, 0.055, 0.063, 0.064, 0.064, 0.090)
_SHORTER = (0.0, 0.010, 0.001, 0.008, 0.014, 0.018)
"""How much shorter (units) a tooth is than the central ones."""


@dataclass(frozen=True)
class TeethRow:
    """One row at the columns of a window, all (1, w) float32."""

    edge: np.ndarray
    """Height (units) by which the biting edge steps back from the row's line; rounded at every tooth's corners."""
    shade: np.ndarray
    """Light that a tooth gives back, about 1; its flanks are darker and no two teeth are the same."""
    gap: np.ndarray
    """0 on a tooth to 1 between two."""


def teeth_row(person: Person, u: np.ndarray, upper: bool) -> TeethRow:
    """The row at columns `u` (1, w) in units."""
    rng = np.random.default_rng([person.index, 71, int(upper)])
    widths = np.array(_UPPER if upper else _LOWER) * (0.94 + 0.12 * rng.random())
    borders = np.concatenate([[0.0], np.cumsum(widths)])
    uneven = 0.003 + 0.008 * person.tooth_gaps
    edge, shade, gap = (np.zeros_like(u, dtype=np.float32) for _ in range(3))
    for side in (-1, 1):
        x = side * u
        for k, width in enumerate(widths):
            here = (x >= borders[k]) & (x < borders[k + 1])
            t = 2 * (x - borders[k]) / width - 1
            back = _SHORTER[k] + uneven * rng.uniform(-1, 1) + (0.009 + 0.006 * person.tooth_gaps) * np.abs(t) ** 5
            edge = np.where(here, back, edge)
            shade = np.where(here, (1 - 0.22 * t * t) * rng.uniform(0.90, 1.05), shade)
            line = np.exp(-(((1 - np.abs(t)) * width / 2 / (0.0040 + 0.003 * person.tooth_gaps)) ** 2))
            gap = np.where(here, line, gap)
    return TeethRow(edge.astype(np.float32), shade.astype(np.float32), gap.astype(np.float32))
