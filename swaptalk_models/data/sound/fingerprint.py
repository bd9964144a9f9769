"""A sound as a row of short binary words that compression, loudness, a little noise and a cut leave nearly alike.

Source     Haitsma and Kalker, "A highly robust audio fingerprinting system", ISMIR 2002: a bit is the sign of how the difference of neighbouring bands
           changes over time. Their windows of 0.37 s; our bands come from the mels that are there, and steps are 50 ms, since clips are short.
Measured   on 64 drawn speakers of 4 s (2,016 pairs, every shift): different sounds disagree in 34 % of their bits at least; the same one as AAC at 32 kbit/s,
           cut, quieter or with noise at 20 dB in 6 to 20 %, at 16 kbit/s in 18 to 23 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from swaptalk_models.data.sound.mel import MEL_RATE

STEP = 4
"""Mel steps a word: 50 ms."""
WORDS_A_SECOND = MEL_RATE / STEP
BITS = 32
_WINDOW = 32  # mel steps: 0.4 s
_BEFORE = 4  # words: a band is held against itself 0.2 s ago
_LOUD = -2.0  # of a mel's -4 to 4: where no band reaches it there is silence, which is alike everywhere


@dataclass(frozen=True)
class Fingerprint:
    """Of one clip."""

    words: np.ndarray
    """(N,) uint32"""
    heard: np.ndarray
    """(N,) bool: whether there is a sound."""

    @classmethod
    def of(cls, mel: np.ndarray) -> Fingerprint:
        """From log-mels (T, 80) in [-4, 4]; none where they are shorter than the windows."""
        bands = np.stack(
            [part.mean(axis=1) for part in np.array_split(mel.astype(np.float32), BITS + 1, axis=1)], axis=1
        )
        smooth = uniform_filter1d(bands, _WINDOW, axis=0, mode="nearest")[::STEP] if len(bands) else bands
        edges = smooth[:, :-1] - smooth[:, 1:]
        bits = edges[_BEFORE:] > edges[:-_BEFORE]
        packed = (
            np.packbits(bits, axis=1, bitorder="little").view("<u4").reshape(-1) if len(bits) else np.zeros(0, "<u4")
        )
        return cls(packed, smooth[_BEFORE:].max(axis=1) > _LOUD if len(bits) else np.zeros(0, bool))


def disagreement(first: Fingerprint, second: Fingerprint, shift: int) -> tuple[float, int]:
    """Share of bits that differ where word i of the first lies on word i + shift of the second, and how many words of both are heard there.

    Different sounds: about 0.5.
    """
    start = max(0, -shift)
    length = min(len(first.words) - start, len(second.words) - start - shift)
    if length <= 0:
        return 1.0, 0
    ours, theirs = slice(start, start + length), slice(start + shift, start + shift + length)
    both = first.heard[ours] & second.heard[theirs]
    if not both.any():
        return 1.0, 0
    unlike = np.bitwise_count(first.words[ours][both] ^ second.words[theirs][both])
    return float(unlike.mean()) / BITS, int(both.sum())
