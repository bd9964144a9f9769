"""Where the watermark lies and which pattern says what: a keyed grid over the face, in the face's own coordinates.

The grid's square turns, moves and grows with the face, so that a crop, a scale or a shift of the picture leaves it where it is.
Each cell is made a little lighter or darker, by a sign that the key gives; every second pair of frames all signs turn round
(``carrier``). What a face does at 6.25 Hz is little, and a pattern that stands for two frames survives predicted frames.

Nothing in here may ever change: marks that are out there could no longer be read. Hence no random generator of a library
whose stream may change, but SHAKE-256, and a shape of the face by formula. The key is no secret: anybody may look for our marks.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

from swaptalk_models.provenance.watermark.payload import SYMBOLS, VALUES
from swaptalk_models.settings.data import CropsConfig

CELLS = 24
"""Along a side of the grid's square."""
LEFT, TOP, SIDE = 0.14, 0.24, 0.72
"""Of the square, in the unit square of the face template (``data/faces/alignment.py``)."""
ALIGNMENT = CropsConfig(size=64, smooth_frames=2)
"""How both sides place the template on a face."""
PERIOD = 4
"""Frames (at 25 a second) after which the signs come back."""
_KEY = b"swaptalk watermark 1"
_HALF_WIDTH, _HALF_HEIGHT, _MIDDLE, _ROUND = 0.29, 0.39, (0.5, 0.5), 2.5


@lru_cache(maxsize=1)
def used_cells() -> np.ndarray:
    """Numbers (n,) of the cells, row by row, whose middle lies on the face: inside of a superellipse."""
    middles = SIDE * (np.arange(CELLS) + 0.5) / CELLS
    across = np.abs((LEFT + middles - _MIDDLE[0]) / _HALF_WIDTH) ** _ROUND
    down = np.abs((TOP + middles - _MIDDLE[1]) / _HALF_HEIGHT) ** _ROUND
    return np.flatnonzero((down[:, None] + across[None]).ravel() <= 1)


@lru_cache(maxsize=1)
def codebook() -> list[tuple[np.ndarray, np.ndarray]]:
    """A pair for each symbol of a payload: which of the used cells are its own (m,), and the signs that each value puts
    there, int8 (1024, m) of -1 and 1. Cells are dealt out at random, so that a hidden part of the face harms all alike.
    """
    count = len(used_cells())
    order = np.argsort(np.frombuffer(hashlib.shake_256(_KEY + b" order").digest(8 * count), "<u8"), kind="stable")
    book = []
    for number in range(SYMBOLS):
        own = np.sort(order[number::SYMBOLS])
        stream = hashlib.shake_256(_KEY + b" signs %d" % number).digest(VALUES * len(own) // 8)
        signs = np.unpackbits(np.frombuffer(stream, np.uint8)).astype(np.int8) * 2 - 1
        book.append((own, signs.reshape(VALUES, len(own))))
    return book


def pattern(symbols: list[int]) -> np.ndarray:
    """The grid, float32 (24, 24) of -1, 1, and 0 off the face, that says these symbols."""
    used: np.ndarray = np.zeros(len(used_cells()), np.float32)
    for (own, signs), value in zip(codebook(), symbols, strict=True):
        used[own] = signs[value]
    grid: np.ndarray = np.zeros(CELLS * CELLS, np.float32)
    grid[used_cells()] = used
    return grid.reshape(CELLS, CELLS)


def carrier(number: int) -> int:
    """Which way round the pattern stands in this frame: 1 or -1, two frames each."""
    return 1 if number % PERIOD < PERIOD // 2 else -1
