"""Held-out work in bounded pieces: memory must not grow with the number of pairs, the length of a clip, or a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from torch import Tensor

from swaptalk_models.settings.models import TrainConfig

T = TypeVar("T")


def step_samples(train: TrainConfig) -> int:
    """Samples of a micro-batch: as many as fit into memory with gradients fit without."""
    return train.batch // (train.processes * train.accumulate)


def pieces(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Consecutive parts of rows (N,), each of at most ``size``."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


class Mean:
    """Mean over samples that come a piece at a time."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, values: Tensor | np.ndarray | float, count: int | None = None) -> None:
        """Add a mean of ``count`` samples; without a count, values of one sample each."""
        if count is None:
            assert not isinstance(values, float)
            self.total, self.count = self.total + float(values.sum()), self.count + len(values)
        else:
            self.total, self.count = self.total + float(values) * count, self.count + count

    @property
    def value(self) -> float:
        """NaN where nothing came."""
        return self.total / self.count if self.count else float("nan")


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` of the rows, evenly spaced."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def spread_items(items: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of the items, evenly spaced."""
    return [items[int(index)] for index in spread(np.arange(len(items)), most)]
