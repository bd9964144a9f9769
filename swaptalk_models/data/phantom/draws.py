"""Even chance: any first N people of a corpus cover every trait's range without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_PRIMES = [p for p in range(2, 114) if all(p % q for q in range(2, p))]

T = TypeVar("T")


class Draws:
    """Numbers in 0..1 for one person: a Kronecker sequence a trait (fractional parts of index * sqrt(prime))."""

    def __init__(self, index: int, seed: int):
        self._index, self._trait = index, 0
        self._start = np.random.default_rng([seed, 0x9E37])
        self._own = np.random.default_rng([seed, index, 0x7F4A])

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        self._trait += 1
        step = np.sqrt(_PRIMES[self._trait % len(_PRIMES)]) * (1 + self._trait // len(_PRIMES))
        value = (self._start.random() + self._index * step + 0.02 * self._own.random()) % 1.0
        return float(low + (high - low) * value)

    def choice(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        edges = np.cumsum(np.ones(len(options)) if weights is None else np.asarray(weights, float))
        return options[int(np.searchsorted(edges / edges[-1], self.uniform(), side="right").clip(0, len(options) - 1))]
