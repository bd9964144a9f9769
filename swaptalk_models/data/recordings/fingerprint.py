"""A recording as a row of binary words that compression, a cut and other treatment leave nearly alike, and how two of them disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

BITS = 32
"""Of a word."""


@dataclass(frozen=True)
class Fingerprint:
    """Of one clip."""

    words: np.ndarray
    """(N,) uint32"""
    telling: np.ndarray
    """(N,) bool: whether the word tells anything; silence and a still picture are alike everywhere."""

    @classmethod
    def of_bits(cls, bits: np.ndarray, telling: np.ndarray) -> Self:
        """From bool (N, 32) and bool (N,)."""
        if not len(bits):
            return cls(np.zeros(0, "<u4"), np.zeros(0, bool))
        return cls(np.packbits(bits, axis=1, bitorder="little").view("<u4").reshape(-1), telling)


def disagreement(first: Fingerprint, second: Fingerprint, shift: int) -> tuple[float, int]:
    """Share of bits that differ where word i of the first lies on word i + shift of the second, and how many words tell something in both there.

    Different recordings: about 0.5.
    """
    start = max(0, -shift)
    length = min(len(first.words) - start, len(second.words) - start - shift)
    if length <= 0:
        return 1.0, 0
    ours, theirs = slice(start, start + length), slice(start + shift, start + shift + length)
    both = first.telling[ours] & second.telling[theirs]
    if not both.any():
        return 1.0, 0
    unlike = np.bitwise_count(first.words[ours][both] ^ second.words[theirs][both])
    return float(unlike.mean()) / BITS, int(both.sum())
