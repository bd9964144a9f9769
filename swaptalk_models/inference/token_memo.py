"""What a token has become before: equal ones are reckoned once a job.

A cell of the target is one code of a codebook, a place and a region, and the swapper's transformer makes of it what it makes, whatever stands
beside it. In a talking head the same cell shows the same code again and again: of four real clips of 6 s, 80 to 93 of 100 tokens had been there before
(codebooks of 1,024, 32 x 32 cells). What is looked up is what would be reckoned.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

LIMIT = 128 << 20
"""Bytes that are kept at most; beyond, all is forgotten, and fills again. Memory stays flat."""


class TokenMemo:
    """Rows (C,) by number."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._place: dict[int, int] = {}
        self._rows: Tensor | None = None
        self.asked = self.made = 0

    def rows(self, keys_n: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
        """A row for each key, (n, C).

        Args:
            keys_n: int64; equal keys have equal rows.
            make: indices (m,) into the keys -> their rows (m, C).
        """
        listed = keys_n.tolist()
        if self._rows is not None and len(self._place) + len(set(listed) - self._place.keys()) > len(self._rows):
            self._place.clear()
            self._rows = self._rows if len(listed) <= len(self._rows) else None
        place = self._place
        new: list[int] = []
        wanted: list[int] = []
        for index, key in enumerate(listed):
            row = place.get(key)
            if row is None:
                row = place[key] = len(place)
                new.append(index)
            wanted.append(row)
        self.asked, self.made = self.asked + len(wanted), self.made + len(new)
        if new:
            made_mC = make(torch.tensor(new))
            if self._rows is None:
                bytes_a_row = made_mC.shape[1] * made_mC.element_size()
                self._rows = made_mC.new_empty(max(self._limit // bytes_a_row, len(wanted)), made_mC.shape[1])
            self._rows[len(place) - len(new) : len(place)] = made_mC
        assert self._rows is not None
        return self._rows[torch.tensor(wanted)]
