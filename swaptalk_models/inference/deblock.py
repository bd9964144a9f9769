"""Takes the steps away between cells that a network has made.

A latent cell is a patch of pixels, and the linear path of the VQGAN's decoder draws each for itself. Cells of a real face fit each other; those that a
short training has made each miss a little of their brightness and colour, and the face falls into tiles. Video codecs know the fault and filter
their own block edges (in-loop deblocking, List et al. 2003); this one takes what a step is on average along the side of a cell, so that what crosses
the edge as detail stays, and lets the correction run out in the middle of the cell.
"""

from __future__ import annotations

import numpy as np


def deblock(images_THW3: np.ndarray, made_hw: np.ndarray) -> np.ndarray:
    """Faces without steps between cells.

    Args:
        images_THW3: (T, H, W, 3) uint8.
        made_hw: (h, w) bool, the cells that a network has made; others, and their neighbours' sides towards them, are left as they are.

    Returns:
        (T, H, W, 3) uint8.
    """
    cell = images_THW3.shape[1] // made_hw.shape[0]
    assert images_THW3.shape[1:3] == (cell * made_hw.shape[0], cell * made_hw.shape[1]), (
        images_THW3.shape,
        made_hw.shape,
    )
    if cell < 4 or not made_hw.any():
        return images_THW3
    smooth = _along(images_THW3.astype(np.float32), made_hw, cell)
    smooth = _along(smooth.swapaxes(1, 2), made_hw.T, cell).swapaxes(1, 2)
    return np.clip(smooth + 0.5, 0, 255).astype(np.uint8)


def _along(images: np.ndarray, made: np.ndarray, cell: int) -> np.ndarray:
    """The steps from row of cells to row of cells."""
    frames, height, width, channels = images.shape
    h, w = height // cell, width // cell
    tiles = images.reshape(frames, h, cell, w, cell, channels)
    above, below = tiles[:, :-1], tiles[:, 1:]
    # A step is what the picture jumps by at the edge, beyond the slope that it has on both sides anyway.
    slope = 0.5 * (above[:, :, -1] - above[:, :, -2] + below[:, :, 1] - below[:, :, 0])
    step = (below[:, :, 0] - above[:, :, -1] - slope).mean(axis=3)[:, :, None, :, None]  # (T, h - 1, 1, w, 1, 3)
    # Two made cells meet half-way; beside a real one the made one comes all the way.
    both = np.maximum(1, made[1:].astype(np.float32) + made[:-1])
    share_below, share_above = ((one / both)[None, :, None, :, None, None] for one in (made[1:], made[:-1]))
    half = cell // 2
    fading = (1 - (np.arange(half) + 0.5) / half).astype(np.float32)[None, None, :, None, None, None]
    out = tiles.copy()
    out[:, 1:, :half] -= share_below * step * fading
    out[:, :-1, -half:] += share_above * step * fading[:, :, ::-1]
    return out.reshape(images.shape)
