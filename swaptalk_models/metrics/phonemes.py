"""Phoneme error: by how much the mouth is too open or too shut at each kind of speech sound, where it is known what is said.

Source     ours; the kinds after the visemes of the field (lips that meet, lip under teeth, open, mid and narrow mouths).
Definition each frame belongs to the kind of the phoneme that is said at its time; mean opening of the frames of a kind, of the
           made mouth and of the real one; the mean over kinds of their absolute difference. Under another's sound the real mouth
           is the target's with its own words: people's p, b and m are shut whatever they say. `phoneme_errors` in the result's
           details has each kind's signed difference: positive, too open.
Units      % of the distance between the eyes; 0 and up, lower is better.
Judge      the landmark detector named in the result.
Excludes   frames without a face; kinds with fewer than 4 frames on either side; texts that nobody has given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Spoken = Sequence[tuple[str, float, float]]
"""Phonemes in the notation of espeak-ng, each with its start and end (s)."""
_KINDS = {
    "lips meet": ("p", "b", "m"),
    "lip under teeth": ("f", "v"),
    "open": ("aI", "aU", "a", "A", "V", "0", "&"),
    "mid": ("OI", "oU", "eI", "O", "o", "E", "e", "3", "@"),
    "narrow": ("i", "I", "u", "U", "w", "r", "j", "S", "Z", "tS", "dZ"),
}
KINDS = tuple(_KINDS)
_STRESS = "',%="
_FPS = 25
_FEWEST = 4


def kind_of(phoneme: str) -> str | None:
    """The kind of a phoneme; None for sounds that leave the mouth free, as t, k and h do, and for pauses."""
    name = phoneme.lstrip(_STRESS)
    for length in (2, 1):
        for kind, names in _KINDS.items():
            if name[:length] in names:
                return kind
    return None


def kinds_of_frames(spoken: Spoken, frames: int) -> np.ndarray:
    """Number of each frame's kind in `KINDS`, or -1: int (frames,), at 25 frames a second."""
    kinds = np.full(frames, -1)
    times = np.arange(frames) / _FPS
    for name, start, end in spoken:
        kind = kind_of(name)
        if kind is not None:
            kinds[(times >= start) & (times < end)] = KINDS.index(kind)
    return kinds


def phoneme_errors(
    opening: np.ndarray, kinds: np.ndarray, real_opening: np.ndarray, real_kinds: np.ndarray
) -> dict[str, float]:
    """{kind: how much more open than the real mouth, % of the eyes' distance}, from openings, NaN where unknown, and the kinds
    of their frames, each (T,); kinds that are too rare are left out.
    """
    found = {}
    for number, kind in enumerate(KINDS):
        ours, theirs = (
            values[(of == number) & np.isfinite(values)]
            for values, of in ((opening, kinds), (real_opening, real_kinds))
        )
        if min(len(ours), len(theirs)) >= _FEWEST:
            found[kind] = float(100 * (ours.mean() - theirs.mean()))
    return found
