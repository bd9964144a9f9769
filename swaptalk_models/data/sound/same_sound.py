"""Which clips hold the same recording: found by bits that agree by chance once in a million, then held against each other word by word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from swaptalk_models.data.sound.fingerprint import BITS, STEP, WORDS_A_SECOND, Fingerprint, disagreement
from swaptalk_models.data.sound.mel import MEL_RATE

ALIKE = 0.27
"""Share of bits: between what copies (0.23) and different sounds (0.34) were found to disagree in."""
LEAST_SECONDS = 2.0
"""Heard in common; less may be alike by chance."""
_LEAST_WORDS = round(LEAST_SECONDS * WORDS_A_SECOND)
_KEY_BITS, _KEYS = 20, 3
_SEEDS = 2
"""Keys that agree at one shift, at least."""
_EVERYBODY = 64
"""A key that more words have than this tells nothing (a hum, a jingle); its words are found by others."""


@dataclass(frozen=True)
class SameSound:
    """Two clips with one recording."""

    first: str
    second: str
    seconds: float
    """Heard in both."""
    disagreement: float
    """Share of bits that differ, 0 to ``ALIKE``."""


def same_sounds(clips: Mapping[str, Fingerprint], owner: Mapping[str, str]) -> list[SameSound]:
    """Pairs of clips that do not belong together already ({clip: owner}), sorted by name. Work and memory grow with the words that agree,
    not with the pairs of clips.
    """
    names = sorted(clips)
    found: dict[tuple[int, int], SameSound] = {}
    for one, other, shift in _candidates([clips[name] for name in names], [owner[name] for name in names]):
        first, second = clips[names[one]], clips[names[other]]
        unlike, words = min(disagreement(first, second, near) for near in (shift - 1, shift, shift + 1))
        if words < _LEAST_WORDS or unlike > ALIKE:
            continue
        same = SameSound(names[one], names[other], words * STEP / MEL_RATE, unlike)
        known = found.get((one, other))
        if known is None or same.seconds > known.seconds:
            found[one, other] = same
    return [found[pair] for pair in sorted(found)]


def _candidates(clips: list[Fingerprint], owners: list[str]) -> Iterator[tuple[int, int, int]]:
    """(number, number, shift) of clips of different owners in which ``_SEEDS`` keys agree at one shift, or at it and its neighbour."""
    number = np.repeat(np.arange(len(clips)), [len(clip.words) for clip in clips])
    place = np.concatenate([np.arange(len(clip.words)) for clip in clips] or [np.zeros(0, int)])
    words = np.concatenate([clip.words for clip in clips] or [np.zeros(0, np.uint32)])
    heard = np.concatenate([clip.heard for clip in clips] or [np.zeros(0, bool)])
    person = np.unique(np.array(owners), return_inverse=True)[1] if owners else np.zeros(0, int)
    votes: list[np.ndarray] = []
    for mask in _masks():
        order = np.flatnonzero(heard)
        order = order[np.argsort(words[order] & mask, kind="stable")]
        keys = words[order] & mask
        _, sizes = np.unique(keys, return_counts=True)
        rare = np.repeat(sizes, sizes) <= _EVERYBODY
        order, keys = order[rare], keys[rare]
        for apart in range(1, _EVERYBODY):  # in the order of keys, words of one key lie side by side
            same = keys[:-apart] == keys[apart:]
            if not same.any():
                break
            left, right = order[:-apart][same], order[apart:][same]  # by place, hence by clip: the sort is stable
            others = person[number[left]] != person[number[right]]
            left, right = left[others], right[others]
            votes.append(np.stack([number[left], number[right], place[right] - place[left]], axis=1))
    if not votes:
        return
    unique, counts = np.unique(np.concatenate(votes), axis=0, return_counts=True)
    by_place = {tuple(row): int(count) for row, count in zip(unique.tolist(), counts, strict=True)}
    for (one, other, shift), count in by_place.items():
        if count + by_place.get((one, other, shift + 1), 0) >= _SEEDS:
            yield one, other, shift


def _masks() -> list[np.uint32]:
    """Which bits make a key: fixed choices, spread over the bands."""
    rng = np.random.default_rng(0)
    chosen = [rng.permutation(BITS)[:_KEY_BITS] for _ in range(_KEYS)]
    return [np.uint32(sum(1 << int(bit) for bit in bits)) for bits in chosen]
