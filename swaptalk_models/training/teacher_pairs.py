"""The swap teacher's pairs as a training draws them: rows of the data, codes and pictures of a pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from swaptalk_models.data.faces.regions import downsample_labels, region_labels
from swaptalk_models.data.media.png import decode_png
from swaptalk_models.errors import UserError
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.pair_table import read_pairs


class TeacherPairs:
    """The pairs of one teacher over the clips of ``data``."""

    def __init__(self, folder: Path, data: TrainingData, module: str, heard: bool = False) -> None:
        """
        Args:
            module: who trains on them.
            heard: only pairs whose target has a usable sound.

        Raises:
            UserError: no training pair is left.
        """
        self.table = read_pairs(folder)
        clips = {clip.name: clip for clip in data.clips}
        sides = {
            name: [clips[clip] for clip in self.table[f"{name}_clip"].to_pylist()] for name in ("source", "target")
        }
        self.rows = {
            name: np.array([clip.first for clip in side]) + self.table[f"{name}_frame"].to_numpy()
            for name, side in sides.items()
        }
        """"source" and "target" -> row of the data of each pair."""
        self.target_clips = sides["target"]
        left_out = np.array([not all(clip.split for clip in both) for both in zip(*sides.values(), strict=True)])
        unheard = np.array([heard and not clip.sound for clip in self.target_clips])
        split = np.array(self.table["split"].to_pylist())
        self.of = {
            "train": np.flatnonzero((split == "train") & ~left_out & ~unheard),
            "validation": np.flatnonzero((split == "validation") & ~unheard),
        }
        """Split -> its pairs."""
        if not len(self.of["train"]):
            why = f"{module}.train.without leaves out a side of each" + (
                ", or its target has no usable sound" if heard else ""
            )
            raise UserError(f"no pair of the swap teacher's is left to train on: {why}")

    def codes(self, column: str, grid: int) -> np.ndarray:
        """(pairs, groups, grid / 2, grid) uint16; ``column``: one of ``pair_table.CODES``."""
        values = self.table[column].combine_chunks().flatten().to_numpy()
        return values.reshape(len(self.table), -1, grid // 2, grid)

    def source_regions(self, index: np.ndarray, size: int, label_grid: int, grid: int) -> np.ndarray:
        """Region labels (N, grid, grid) uint8 of the sources of these pairs (N,), as the swapper is given them."""
        points = self.table["source_landmarks"].combine_chunks().flatten().to_numpy().reshape(-1, 68, 2)[index]
        return np.stack([downsample_labels(region_labels(one, size, label_grid), grid) for one in points])

    def swaps(self, index: np.ndarray) -> np.ndarray:
        """The teacher's results on these pairs (N,), (N, S, S, 3) uint8."""
        return np.stack([decode_png(self.table["crop"][int(number)].as_py()) for number in index])
