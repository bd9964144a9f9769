"""Reading the watermark back, and how sure a reading is.

Aligned patches of a face are filtered to the carrier's 6.25 Hz, averaged to cells, and each cell is divided by how much the
face itself moves there. Every value of every symbol is then held against its cells, for small shifts and sizes of the grid
and any phase of the carrier.

**How false alarms are bounded.** A cell's sign in a code word is a fair coin that knows nothing of the video. So for cells r of
*any* content, the statistic

    t = sum(sign * r) / sqrt(sum(r ** 2))

of one word is a Rademacher sum: as good as normal for hundreds of cells, and never above exp(-t**2 / 2) in its tail (Hoeffding
1963). There are 2**32 words with a right checksum; with every shift, size, phase, face and stretch that is tried, their number
times the tail bounds the chance that an unmarked video shows any word at t. Not one assumption about pictures goes into it.

A home knows its own jobs, so few words that far less evidence is enough to recognise one of them (``recognise``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.faces.detection import make_backend
from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.provenance.watermark.following import FACES, PATCH, Follower
from swaptalk_models.provenance.watermark.grid import CELLS, PERIOD, codebook, used_cells
from swaptalk_models.provenance.watermark.payload import JOB_BITS, SYMBOLS, decode, encode
from swaptalk_models.settings.data import FacesConfig

FALSE_ALARMS = 1e-4
"""At most so many unmarked videos are taken for marked ones."""
STRETCH, STRETCHES = 150, 6
"""Frames that are read as one, and how many such stretches of a long video are looked at."""
SHORTEST = 24
"""Frames of the shortest stretch that says anything."""
_SHIFTS_X, _SHIFTS_Y, _SIZES = (-0.5, 0.0, 0.5), (-1.0, -0.5, 0.0, 0.5, 1.0), (0.96, 1.0, 1.04)
"""Of the grid against where the landmarks put it: cells, and factors. A made face is not to the pixel where the target's was."""
_PHASES = 16
_COSINES, _SINES = (f(2 * np.pi * np.arange(_PHASES) / _PHASES).astype(np.float32) for f in (np.cos, np.sin))
_TRIED = len(_SHIFTS_X) * len(_SHIFTS_Y) * len(_SIZES) * _PHASES
_CELL = PATCH // CELLS  # px
_BEST = 3  # values of each symbol that are combined until the checksum agrees
_NEAR = 1.0  # by so much less t than the likeliest word of all: what has three right symbols of four is no reading
_BESIDE = (-4, -3, -2, 2, 3, 4)
"""Frequencies, in steps of one turn a stretch, that tell how much a cell moves by itself."""
_FLOOR, _WHITER, _CUT = 0.02, 0.75, 1.25
"""How cells are weighed, see ``_weighed``: what read best after crf 28 and at half size, on drawn and on real faces."""


@dataclass(frozen=True)
class Reading:
    """What the watermark of a video says."""

    found: bool
    bits: str | None
    """Eight hexadecimal digits; None where there is no mark."""
    chance: float
    """Bound on the probability that an unmarked video gives a reading this good, 0 to 1."""
    frames: int
    """That were looked at."""

    @property
    def confidence(self) -> float:
        """0 to 1."""
        return 1.0 - self.chance


@dataclass(frozen=True)
class Evidence:
    """The best reading of some patches that has a right checksum."""

    t: float
    bits: str | None


def read_watermark(path: Path, known: Sequence[str] = ()) -> Reading:
    """Look for the watermark in a video. Stops as soon as it is found; of a long one, six stretches of 6 s are looked at.

    Args:
        known: bits of jobs that it may well be.

    Raises:
        BadClip: no video.
    """
    starts = _starts(length_at_25(path))
    looks = len(starts) * FACES * (2 if known else 1)  # with a list, every face is looked at twice
    best, frames = Reading(False, None, 1.0, 0), 0
    for follower in _stretches(path, starts):
        frames += follower.frames
        for face in follower.faces():
            if face.seen < SHORTEST:
                continue
            evidence = read_patches(face.patches)
            chance = chance_of(evidence.t, looks)
            if known:
                recognised = recognise(face.patches, known)
                chance_known = chance_of(recognised.t, looks, len(known))
                # A job that shares symbols with another's word is not that job.
                if chance_known < chance and (chance > FALSE_ALARMS or recognised.t > evidence.t - _NEAR):
                    evidence, chance = recognised, chance_known
            if chance < best.chance:
                best = Reading(chance <= FALSE_ALARMS, evidence.bits if chance <= FALSE_ALARMS else None, chance, 0)
            if best.found:
                break
        if best.found:
            break
    return Reading(best.found, best.bits, best.chance, frames)


def chance_of(t: float, looks: int, words: int = 2**JOB_BITS) -> float:
    """Bound on the probability that any of ``words`` reaches ``t`` in so many looks at unmarked faces, 0 to 1."""
    if t <= 0:
        return 1.0
    log_tail = math.log(max(0.5 * math.erfc(t / math.sqrt(2)), 1e-300))
    return min(1.0, math.exp(min(0.0, log_tail + math.log(words * _TRIED * looks))))


def read_patches(patches: np.ndarray) -> Evidence:
    """Grey patches (T, 144, 144) of one face, a frame each at 25 a second. (T at least 24.)"""
    best = Evidence(0.0, None)
    for cells in _placed_cells(patches):
        best = _word(cells, best)
    return best


def recognise(patches: np.ndarray, known: Sequence[str]) -> Evidence:
    """The same, of the words of these jobs alone."""
    values = np.array([encode(bits) for bits in known])
    best = Evidence(0.0, None)
    for cells in _placed_cells(patches):
        sums = _sums(cells)[np.arange(SYMBOLS), values].sum(axis=1)  # (jobs,)
        for cosine, sine in zip(_COSINES, _SINES, strict=True):
            norm = max(float(np.linalg.norm(cosine * cells.real - sine * cells.imag)), 1e-12)
            ts = (cosine * sums.real - sine * sums.imag) / norm
            if ts.max() > best.t:
                best = Evidence(float(ts.max()), known[int(ts.argmax())])
    return best


def _placed_cells(patches: np.ndarray) -> Iterator[np.ndarray]:
    """The weighed cells (n,) complex of every place and size of the grid."""
    maps = _at_the_carrier(patches)
    for size in _SIZES:
        middle, scale = (PATCH - 1) / 2, 1 / size
        place = np.array([[scale, 0, middle * (1 - scale)], [0, scale, middle * (1 - scale)]])
        scaled = np.stack([_warped(one, place) for one in maps], axis=-1)
        padded = np.pad(scaled, ((_CELL, _CELL), (_CELL, _CELL), (0, 0)), mode="edge")
        for across, down in itertools.product(_SHIFTS_X, _SHIFTS_Y):
            top, left = _CELL + round(down * _CELL), _CELL + round(across * _CELL)
            yield _weighed(*_cells(padded[top : top + PATCH, left : left + PATCH]))


def _warped(image: np.ndarray, place: np.ndarray) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, place, (PATCH, PATCH), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _starts(count: int) -> list[tuple[int, int]]:
    """(first frame, end) of the stretches that are looked at."""
    number = max(1, min(STRETCHES, round(count / STRETCH)))
    if count < (STRETCHES + 0.5) * STRETCH:
        edges = np.linspace(0, count, number + 1).astype(int)
        return [(int(first), int(last)) for first, last in itertools.pairwise(edges)]
    firsts = np.linspace(0, count - STRETCH, number).astype(int)
    return [(int(first), int(first) + STRETCH) for first in firsts]


def _stretches(path: Path, stretches: list[tuple[int, int]]) -> Iterator[Follower]:
    """Each stretch, once it has gone by; one pass."""
    backend = make_backend(FacesConfig())
    waiting = iter(stretches)
    current = next(waiting)
    follower = Follower(backend)
    for number, image in enumerate(frame for batch in frames_at_25(path) for frame in batch):
        if number >= current[1]:
            yield follower
            following = next(waiting, None)
            if following is None:
                return
            current, follower = following, Follower(backend)
        if number >= current[0]:
            follower.step(image)
    yield follower


def _at_the_carrier(patches: np.ndarray) -> list[np.ndarray]:
    """Amplitudes (144, 144) float32: real and imaginary part at the carrier's frequency, then at some beside it.

    Differences over two frames come first: they keep the carrier whole and let slow changes, which are a hundred times as
    large, go.
    """
    steps = (2 * patches[2:-2] - patches[:-4] - patches[4:]) / 4
    steps -= steps.mean(axis=0)
    count = len(steps)
    time = np.arange(count)
    maps = []
    for step in (0, *_BESIDE):
        turn = np.exp(-2j * np.pi * (1 / PERIOD + step / count) * time)
        for part in (turn.real, turn.imag):
            maps.append(np.tensordot(part.astype(np.float32), steps, 1) * np.float32(2 / count))
    return maps


def _cells(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From maps (144, 144, 2 + 2 k): the used cells' means against their neighbours', complex (n,), at the carrier, and how
    much they move by themselves (n,), squared.
    """
    means = cv2.resize(maps, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    used = (means - cv2.blur(means, (3, 3))).reshape(CELLS * CELLS, -1)[used_cells()]
    moves = (used[:, 2:] ** 2).sum(axis=1) / len(_BESIDE)
    return used[:, 0] + 1j * used[:, 1], moves


def _weighed(cells: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Cells (n,) complex that move much by themselves count less, and none counts for many."""
    weighed = cells / (moves + _FLOOR) ** _WHITER
    size = np.abs(weighed)
    most = _CUT * float(np.sqrt(np.mean(size**2)))
    return weighed * np.minimum(1.0, most / np.maximum(size, 1e-12))


def _sums(cells: np.ndarray) -> np.ndarray:
    """What speaks for each value of each symbol, complex (symbols, values)."""
    return np.stack([signs.astype(np.float32) @ cells[own] for own, signs in codebook()])


def _word(cells: np.ndarray, best: Evidence) -> Evidence:
    """The likeliest word with a right checksum at any phase of the carrier, where it is likelier than ``best``; else that."""
    sums = _sums(cells)
    turned = _COSINES[:, None, None] * sums.real - _SINES[:, None, None] * sums.imag  # (phases, symbols, values)
    norms = np.linalg.norm(_COSINES[:, None] * cells.real - _SINES[:, None] * cells.imag, axis=1).clip(1e-12)
    for number in np.flatnonzero(turned.max(axis=2).sum(axis=1) / norms > best.t):
        real, norm = turned[number], float(norms[number])
        values = np.argpartition(-real, _BEST, axis=1)[:, :_BEST]
        words = list(itertools.product(*values.tolist()))
        totals = [sum(real[place, value] for place, value in enumerate(word)) for word in words]
        least = max(best.t, max(totals) / norm - _NEAR)
        for total, word in sorted(zip(totals, words, strict=True), reverse=True):
            if total / norm <= least:
                break
            bits = decode(list(word))
            if bits is not None:
                best = Evidence(float(total / norm), bits)
                break
    return best
