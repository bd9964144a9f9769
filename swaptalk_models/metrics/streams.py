"""Feeds aligned crops of a video to a judge's network batch by batch, as if it saw the whole video at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from swaptalk_models.data.faces.alignment import crop_face
from swaptalk_models.metrics.fid import FeatureStatistics

WINDOW = 5  # frames that a sync judge sees at once


def spread(numbers: np.ndarray, count: int) -> list[int]:
    """At most `count` of the numbers, evenly spread from first to last."""
    if len(numbers) <= count:
        return numbers.tolist()
    return numbers[np.round(np.linspace(0, len(numbers) - 1, count)).astype(int)].tolist()


class WindowStream:
    """For networks that give a row a frame or a row a window of 5 frames: what a window shares with the next batch is carried over."""

    def __init__(self, network: Callable[[np.ndarray], np.ndarray], size: int, affines: np.ndarray, usable: np.ndarray):
        self.network, self.size, self.affines, self.usable = network, size, affines, usable
        self.carried: list[np.ndarray] = []

    def rows(self, start: int, frames: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        """Rows (n, D) for the frames from `start` on, and which saw usable frames only; None without a whole window."""
        shown = zip(frames, self.affines[start:], strict=False)
        crops = [crop_face(frame, affine, self.size) for frame, affine in shown]
        first, crops = start - len(self.carried), self.carried + crops
        if len(crops) < WINDOW:
            self.carried = crops
            return None, np.zeros(0, dtype=bool)
        rows = np.asarray(self.network(np.stack(crops)))
        span = len(crops) - len(rows) + 1
        self.carried = crops[len(crops) - span + 1 :]
        usable = self.usable[first : first + len(crops)]
        return rows, np.asarray(np.lib.stride_tricks.sliding_window_view(usable, span).all(axis=1))


class SampledStream:
    """For networks that look at single frames and take their time: a row for each of at most `count` frames, evenly spread."""

    def __init__(
        self,
        network: Callable[[np.ndarray], np.ndarray],
        size: int,
        affines: np.ndarray,
        usable: np.ndarray,
        count: int,
    ):
        self.network, self.size, self.affines = network, size, affines
        self.chosen = set(spread(np.flatnonzero(usable), count))

    def rows(self, start: int, frames: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        """As `WindowStream.rows`, for the chosen ones of these frames."""
        numbers = [number for number in range(start, start + len(frames)) if number in self.chosen]
        if not numbers:
            return None, np.zeros(0, dtype=bool)
        crops = [crop_face(frames[number - start], self.affines[number], self.size) for number in numbers]
        return np.asarray(self.network(np.stack(crops))), np.ones(len(crops), dtype=bool)


def add_statistics(
    known: FeatureStatistics | None, stream: WindowStream | SampledStream, start: int, frames: np.ndarray
) -> FeatureStatistics | None:
    """The statistics with these frames' features in them; None as long as there are none."""
    rows, usable = stream.rows(start, frames)
    if rows is None or not usable.any():
        return known
    statistics = FeatureStatistics.of(rows[usable])
    return known.merge(statistics) if known else statistics
