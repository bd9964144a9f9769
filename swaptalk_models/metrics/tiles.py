"""Tiles: whether a face falls into the cells of the latent space that it was decoded from.

Definition a step is the absolute difference in brightness of two neighbouring pixels, its sign kept until it is
           averaged over a short way along the would-be border: the side of a cell steps as a whole, texture does not.
           For a grid of cells, geometric means over the skin: steps across borders over steps inside cells (a quarter
           of a cell away from any border), of rows and of columns. The figure is this ratio over the target's own,
           largest of the grids below, each in its best phase.
Grids      a stranger's grid is unknown, so 64, 48, 32 and 24 cells across the crop are tried in all phases. Every
           coarser grid whose cell is a multiple of one of these (16, 12 and 8 across; 20 not) is seen by its overtone,
           fainter. Coarse grids are not tried themselves: the half dozen borders that 8 cells have in a face fall on
           its features by chance (on real pairs without tiles 0.7 to 1.4; the fine grids 0.97 to 1.05).
Units      ratio; 1: no tiles, above: tiles. Below 1.05 nothing is to be concluded.
Judge      none: arithmetic on pixels; the landmarks only say where skin is.
Source     ours; after the blockiness measures of video coding (Wu and Yuen, "A generalized block-edge impairment metric
           for video coding", IEEE SPL 1997). The geometric mean lets no single wrinkle stand for a border.
Why        cells that a short training has made miss their neighbours' brightness: SSIM and PSNR hardly notice, the eye
           at once.
Mind       the grid must stay where the face is: profiles are added up over frames of the aligned crop. A grid that is
           fixed in the frame (a codec's blocks) goes unseen while the head moves. Resampled (soft) steps count less.
Excludes   frames without a face, brows, eyes, nose, lips and all that is no face.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.metrics.face_areas import SKIN

CELLS_ACROSS = (64, 48, 32, 24)
"""Cells across the aligned crop."""
_ALONG = 64  # a step is averaged along its border over this share of the crop's side
_FLOOR = 0.25  # levels of 255: a smaller step counts as this one, the logarithm of 0 being what it is
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_LEAST_BORDER = 0.25  # of the pixels that a border would have were they spread evenly: fewer say nothing


class BorderProfile:
    """Steps in brightness by their place in the crop, added up over frames: memory does not grow with them."""

    def __init__(self, size: int) -> None:
        self.size = size
        # of columns and of rows; the i-th is the step from pixel i to pixel i + 1
        self.logs = np.zeros((2, size - 1))
        self.counts = np.zeros((2, size - 1))

    def add(self, image: np.ndarray, areas: np.ndarray) -> None:
        """A crop (S, S, 3) uint8 RGB and its labels (S, S), see `face_areas`."""
        grey, skin = image.astype(np.float32) @ _GREY, areas == SKIN
        self._add(0, grey, skin)
        self._add(1, grey.T, skin.T)

    def _add(self, axis: int, grey: np.ndarray, skin: np.ndarray) -> None:
        along = max(1, round(self.size / _ALONG))
        steps = cv2.blur(np.ascontiguousarray(np.diff(grey, axis=1)), (1, along), borderType=cv2.BORDER_REFLECT)
        within = cv2.erode((skin[:, 1:] & skin[:, :-1]).astype(np.uint8), np.ones((along, 1), np.uint8)) > 0
        self.logs[axis] += np.where(within, np.log(np.maximum(np.abs(steps), _FLOOR)), 0).sum(axis=0)
        self.counts[axis] += within.sum(axis=0)

    def contrast(self, cells: float) -> float:
        """Steps across the borders over steps inside, of a grid of `cells` across in its best phase (1: no grid)."""
        return float(np.exp(np.mean([self._best_phase(axis, self.size / cells) for axis in (0, 1)])))

    def _best_phase(self, axis: int, cell: float) -> float:
        logs, counts = self.logs[axis], self.counts[axis]
        # What changes slower than a cell (the face's middle is smoother than its sides) is no border.
        window = _even_window(cell)
        around = np.convolve(logs, window, "same") / np.maximum(np.convolve(counts, window, "same"), 1)
        logs = logs - counts * around
        phases = np.arange(0, cell)[:, None]
        away = np.abs(
            (np.arange(self.size - 1) - phases + cell / 2) % cell - cell / 2
        )  # (phases, steps): px to the next border
        across, inside = (away <= 0.5).astype(float), (away >= cell / 4).astype(float)
        known = (across @ counts >= _LEAST_BORDER * counts.sum() / cell) & (inside @ counts > 0)
        if not known.any():
            return 0.0
        contrasts = (across @ logs) / np.maximum(across @ counts, 1) - (inside @ logs) / np.maximum(inside @ counts, 1)
        return float(contrasts[known].max())


def tile_ratio(made: BorderProfile, target: BorderProfile) -> float:
    """The figure, from the profiles of the made face and of the target's; NaN where no skin was seen."""
    assert made.size == target.size
    if not (made.counts.any() and target.counts.any()):
        return float("nan")
    return max(made.contrast(cells) / target.contrast(cells) for cells in CELLS_ACROSS)


def _even_window(cell: float) -> np.ndarray:
    """Weights of a centred mean over `cell` px, the two at the ends being what is left."""
    half = int((cell - 1) // 2)
    rest = (cell - 1 - 2 * half) / 2
    return np.concatenate([[rest], np.ones(2 * half + 1), [rest]])
