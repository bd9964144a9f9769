"""Which clips hold the same recording: found by bits that hardly agree by chance, then held against each other word by word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from swaptalk_models.data.recordings.fingerprint import BITS, Fingerprint, disagreement

_EVERYBODY = 64
"""A key that more words have than this tells nothing (a hum, a jingle); its words are found by others."""


@dataclass(frozen=True)
class Kind:
    """A kind of fingerprint, and when two of them are of one recording."""

    name: str
    """By what twins are found, as the user reads it."""
    words_a_second: float
    alike: float
    """Share of bits (0 to 0.5) in which they may differ."""
    least_seconds: float
    """Of words in common that tell something; less may be alike by chance."""
    keys: int
    """Choices of bits by which candidates are found."""
    key_bits: int
    """Bits of each word that are in a key, 1 to 32."""
    seeds: int
    """Keys that agree at one shift, or at it and its neighbour, at least, before two clips are held against each other."""
    key_words: tuple[int, ...] = (0,)
    """Words that make a key, counted from its first one; two at most. Where neighbouring bits go together one word is too like others."""


@dataclass(frozen=True)
class SameRecording:
    """Two clips with one recording."""

    first: str
    second: str
    kind: str
    """By what it was found: name of the ``Kind``."""
    seconds: float
    """Of words in common that tell something."""
    disagreement: float
    """Share of bits that differ, 0 to ``Kind.alike``."""


def same_recordings(clips: Mapping[str, Fingerprint], owner: Mapping[str, str], kind: Kind) -> list[SameRecording]:
    """Pairs of clips that do not belong together already ({clip: owner}), sorted by name. Work and memory grow with the keys that agree,
    not with the pairs of clips.
    """
    names = sorted(clips)
    least = round(kind.least_seconds * kind.words_a_second)
    found: dict[tuple[int, int], SameRecording] = {}
    for one, other, shift in _candidates([clips[name] for name in names], [owner[name] for name in names], kind):
        first, second = clips[names[one]], clips[names[other]]
        unlike, words = min(disagreement(first, second, near) for near in (shift - 1, shift, shift + 1))
        if words < least or unlike > kind.alike:
            continue
        same = SameRecording(names[one], names[other], kind.name, words / kind.words_a_second, unlike)
        known = found.get((one, other))
        if known is None or same.seconds > known.seconds:
            found[one, other] = same
    return [found[pair] for pair in sorted(found)]


def _candidates(clips: list[Fingerprint], owners: list[str], kind: Kind) -> Iterator[tuple[int, int, int]]:
    """(number, number, shift) of clips of different owners in which ``kind.seeds`` keys agree."""
    lengths = [len(clip.words) for clip in clips]
    if not sum(lengths):
        return
    number = np.repeat(np.arange(len(clips)), lengths)
    place = np.concatenate([np.arange(length) for length in lengths])
    person = np.unique(np.array(owners), return_inverse=True)[1]
    span = 2 * max(lengths) + 1  # shifts that there may be, and one that there is not between two pairs
    votes: list[np.ndarray] = []
    for keys, order in _keys(clips, number, kind):
        for apart in range(1, _EVERYBODY):  # in the order of keys, places with one key lie side by side
            same = keys[:-apart] == keys[apart:]
            if not same.any():
                break
            left, right = order[:-apart][same], order[apart:][same]  # by place, hence by clip: the sort is stable
            others = person[number[left]] != person[number[right]]
            left, right = left[others], right[others]
            shift = place[right] - place[left] + max(lengths)
            votes.append((number[left] * len(clips) + number[right]) * span + shift)
    if not votes:
        return
    cast, counts = np.unique(np.concatenate(votes), return_counts=True)
    beside = np.append(np.where(np.diff(cast) == 1, counts[1:], 0), 0)
    for vote in cast[counts + beside >= kind.seeds].tolist():
        pair, shift = divmod(vote, span)
        yield *divmod(pair, len(clips)), shift - max(lengths)


def _keys(clips: list[Fingerprint], number: np.ndarray, kind: Kind) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of every choice of bits: (keys in rising order, at which places of all clips in a row), without those that everybody has."""
    words = np.concatenate([clip.words for clip in clips])
    telling = np.concatenate([clip.telling for clip in clips])
    begins = np.flatnonzero(telling)
    for later in kind.key_words:
        begins = begins[begins + later < len(words)]
        begins = begins[(number[begins + later] == number[begins]) & telling[begins + later]]
    for masks in _masks(kind):
        keys = np.zeros(len(begins), np.uint64)
        for later, mask in zip(kind.key_words, masks, strict=True):
            keys = keys << np.uint64(BITS) | (words[begins + later] & mask)
        sort = np.argsort(keys, kind="stable")
        order, keys = begins[sort], keys[sort]
        _, sizes = np.unique(keys, return_counts=True)
        rare = np.repeat(sizes, sizes) <= _EVERYBODY
        yield keys[rare], order[rare]


def _masks(kind: Kind) -> list[list[np.uint32]]:
    """Which bits of its words make a key: fixed choices, spread over the bands."""
    rng = np.random.default_rng(0)
    chosen = [[rng.permutation(BITS)[: kind.key_bits] for _ in kind.key_words] for _ in range(kind.keys)]
    return [[np.uint32(sum(1 << int(bit) for bit in bits)) for bits in words] for words in chosen]
