"""The index (`moov`) of an mp4 or QuickTime file as the file states it: its tracks and their sample tables.

FFmpeg mends or passes over what contradicts itself, and does not hand on what it has read; `mp4_audit` judges it.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from swaptalk_models.data.media.mp4_boxes import (
    DamagedIndex,
    only_box,
    read_boxes,
    read_header,
    read_numbers,
    read_rows,
    read_top_boxes,
    read_version,
)

_VISUAL = 78
"""Bytes of a VisualSampleEntry before the boxes inside it."""


@dataclass
class Track:
    """One `trak`. Times in ticks of ``time_scale`` (ticks/s), but where it says movie ticks."""

    number: int
    """`tkhd`: what FFmpeg calls the stream's id."""
    kind: str
    """`hdlr`: `vide`, `soun`, or something that nobody here reads."""
    time_scale: int
    duration: int | None
    """`mdhd`; None: the file does not say."""
    shown: int | None
    """`tkhd`, in movie ticks."""
    matrix: tuple[int, ...]
    """`tkhd`: 3 x 3, fixed point."""
    display: tuple[float, float]
    """`tkhd`: width, height (px)."""
    size: tuple[int, int] | None
    """`stsd`: width, height (px) of pictures."""
    pixel_aspect: Fraction | None
    """`pasp`."""
    clean_aperture: bool
    """`clap`: only a part of each picture is meant to be seen."""
    steps: np.ndarray
    """`stts`: from each sample's decoding time to the next one's; where all samples of sound have one size, lengths of
    runs of them."""
    offsets: np.ndarray
    """`ctts`: from decoding time to display time, for each step."""
    largest: int
    """`stsz` or `stz2`: bytes of the largest sample."""
    extents: np.ndarray
    """`stco` or `co64`, `stsc`, `stsz`: first byte and the one after the last of each chunk, int64 (chunks, 2)."""
    edits: list[tuple[int, int]] = field(default_factory=list)
    """`elst`: length (movie ticks), first moment (-1: nothing is shown)."""


@dataclass
class Index:
    """A whole `moov`."""

    time_scale: int
    """Movie ticks/s."""
    matrix: tuple[int, ...]
    tracks: list[Track]
    data: list[tuple[int, int]]
    """Where the contents of the `mdat` boxes lie: first byte, and the one after the last."""


def read_index(path: str | os.PathLike[str]) -> Index | None:
    """The index of an mp4 file; None of one that has none, or hides it in fragments (`mvex`) or compressed (`cmov`).

    Raises:
        DamagedIndex: boxes that do not fill the one around them, a table that does not fit its box, something missing.
    """
    with open(Path(path), "rb") as file:
        found, data = None, []
        for name, start, end in read_top_boxes(file):
            if name == "moov" and found is None:
                file.seek(start)
                found = file.read(end - start)
            elif name == "mdat":
                data.append((start, end))
    if found is None:
        return None
    movie = read_boxes(found, "moov")
    if "mvex" in movie or "cmov" in movie:
        return None
    header = only_box(movie, "mvhd", "moov")
    scale, _, *matrix = read_header(header, "mvhd", ">12x2I16x9i28x", ">20xIQ16x9i28x")
    tracks = [_track(content) for content in movie.get("trak", [])]
    return Index(_time_scale(scale, "mvhd"), tuple(matrix), tracks, data)


def _time_scale(scale: int, name: str) -> int:
    if not scale:
        raise DamagedIndex(f"its {name} box has a time scale of zero")
    return scale


def _known(duration: int, content: bytes) -> int | None:
    return None if duration in (0, 2**64 - 1 if content[0] else 2**32 - 1) else duration


def _track(content: bytes) -> Track:
    boxes = read_boxes(content, "trak")
    media = read_boxes(only_box(boxes, "mdia", "trak"), "mdia")
    times, shown = only_box(media, "mdhd", "mdia"), only_box(boxes, "tkhd", "trak")
    scale, duration = read_header(times, "mdhd", ">12x2I4x", ">20xIQ4x")
    kind = only_box(media, "hdlr", "mdia")[8:12].decode("latin1")
    table = read_boxes(only_box(read_boxes(only_box(media, "minf", "mdia"), "minf"), "stbl", "minf"), "stbl")
    number, shown_for, *matrix, width, height = read_header(shown, "tkhd", ">12xI4xI16x9i2I", ">20xI4xQ16x9i2I")
    description = only_box(table, "stsd", "stbl")
    size, aspect, clean_aperture = _picture(description) if kind == "vide" else (None, None, False)
    sizes = _sizes(table)
    _check_sync(table, sizes.count)
    steps, offsets = _moments(table, sizes, kind)
    return Track(
        number=number,
        kind=kind,
        time_scale=_time_scale(scale, "mdhd"),
        duration=_known(duration, times),
        shown=_known(shown_for, shown),
        matrix=tuple(matrix),
        display=(width / 65536, height / 65536),
        size=size,
        pixel_aspect=aspect,
        clean_aperture=clean_aperture,
        steps=steps,
        offsets=offsets,
        largest=sizes.same or int(sizes.each.max(initial=0)),
        extents=_extents(table, sizes, int.from_bytes(description[4:8], "big")),
        edits=_edits(boxes.get("edts", [])),
    )


@dataclass(frozen=True)
class _Sizes:
    """Bytes of the samples of a track."""

    count: int
    same: int
    """Of every one; 0: as in ``each``. An hour of uncompressed sound is too many to count out."""
    each: np.ndarray


def _moments(table: dict[str, list[bytes]], sizes: _Sizes, kind: str) -> tuple[np.ndarray, np.ndarray]:
    runs = read_numbers(only_box(table, "stts", "stbl"), "stts", ">u4", 2)
    _check_total(runs, "stts", sizes)
    if kind != "vide" and sizes.same:
        return runs.prod(1), np.zeros(len(runs), np.int64)
    steps = np.repeat(runs[:, 1], runs[:, 0])
    if "ctts" not in table:
        return steps, np.zeros(len(steps), np.int64)
    # Version 1 has signed numbers; some write them into version 0, and FFmpeg reads both as signed.
    runs = read_numbers(only_box(table, "ctts", "stbl"), "ctts", ">i4", 2)
    _check_total(runs, "ctts", sizes)
    return steps, np.repeat(runs[:, 1], runs[:, 0])


def _check_total(runs: np.ndarray, name: str, sizes: _Sizes) -> None:
    if runs[:, 0].min(initial=0) < 0 or runs[:, 0].sum() != sizes.count:
        raise DamagedIndex(f"its {name} tells of {runs[:, 0].sum()} samples, its stsz of {sizes.count}")


def _extents(table: dict[str, list[bytes]], sizes: _Sizes, descriptions: int) -> np.ndarray:
    name, dtype = ("co64", ">u8") if "co64" in table else ("stco", ">u4")
    starts = read_numbers(only_box(table, name, "stbl"), name, dtype, 1)[:, 0]
    samples = _per_chunk(only_box(table, "stsc", "stbl"), len(starts), sizes.count, descriptions)
    if sizes.same:
        lengths = samples * sizes.same
    else:
        lengths = np.diff(np.append(0, np.cumsum(sizes.each))[np.append(0, np.cumsum(samples))])
    return np.stack([starts, starts + lengths], 1)


def _sizes(table: dict[str, list[bytes]]) -> _Sizes:
    if "stz2" in table:
        content = only_box(table, "stz2", "stbl")
        bits, count = (content[7], int.from_bytes(content[8:12], "big")) if len(content) >= 12 else (0, 0)
        if bits not in (4, 8, 16) or (count * bits + 7) // 8 > len(content) - 12:
            raise DamagedIndex(f"the {count} rows that its stz2 promises do not fill their box")
        if bits == 4:
            packed = np.frombuffer(content, np.uint8, offset=12).astype(np.int64)
            return _Sizes(count, 0, np.stack([packed >> 4, packed & 15], 1).reshape(-1)[:count])
        return _Sizes(count, 0, np.frombuffer(content, f">u{bits // 8}", count, 12).astype(np.int64))
    content = only_box(table, "stsz", "stbl")
    same, count = (int.from_bytes(content[i : i + 4], "big") for i in (4, 8))
    if same:
        if content[12:].strip(b"\0"):
            raise DamagedIndex("its stsz gives both one size for all samples and a size for each")
        return _Sizes(count, same, np.zeros(0, np.int64))
    return _Sizes(count, 0, read_numbers(content, "stsz", ">u4", 1, head=12)[:, 0])


def _check_sync(table: dict[str, list[bytes]], samples: int) -> None:
    if "stss" in table:
        numbers = read_numbers(only_box(table, "stss", "stbl"), "stss", ">u4", 1)[:, 0]
        if len(numbers) and (numbers[0] < 1 or numbers[-1] > samples or (np.diff(numbers) <= 0).any()):
            raise DamagedIndex("its stss names key frames that there are not, or out of order")


def _per_chunk(content: bytes, chunks: int, samples: int, descriptions: int) -> np.ndarray:
    rows = read_numbers(content, "stsc", ">u4", 3)
    firsts = np.append(rows[:, 0], chunks + 1)
    runs = np.diff(firsts)
    if samples and (firsts[0] != 1 or (runs <= 0).any()):
        raise DamagedIndex(f"its stsc does not go from the first to the last of its {chunks} chunks")
    if (rows[:, 2] < 1).any() or (rows[:, 2] > descriptions).any():
        raise DamagedIndex("its stsc names a sample description that is not in stsd")
    if int((runs * rows[:, 1]).sum()) != samples:
        raise DamagedIndex(f"its stsc tells of {int((runs * rows[:, 1]).sum())} samples, its stsz of {samples}")
    return np.repeat(rows[:, 1], runs) if samples else np.zeros(chunks, np.int64)


def _picture(description: bytes) -> tuple[tuple[int, int], Fraction | None, bool]:
    """Size, shape of the pixels, and whether there is a clean aperture, of the first entry of a `stsd`."""
    if len(description) < 16 + _VISUAL:
        raise DamagedIndex("its stsd box is cut off")
    length = int.from_bytes(description[8:12], "big")
    size, aspect, clean_aperture = struct.unpack_from(">HH", description, 16 + 24), None, False
    position, end = 16 + _VISUAL, min(8 + length, len(description))
    while position + 8 <= end:
        inner, name = struct.unpack_from(">I4s", description, position)
        if name == b"pasp" and inner >= 16 and position + 16 <= end:
            across, down = struct.unpack_from(">II", description, position + 8)
            aspect = Fraction(across, down) if across and down else None
        clean_aperture = clean_aperture or name == b"clap"
        position += max(inner, 8)
    return size, aspect, clean_aperture


def _edits(boxes: list[bytes]) -> list[tuple[int, int]]:
    return [
        edit for box in boxes for content in read_boxes(box, "edts").get("elst", []) for edit in _edit_list(content)
    ]


def _edit_list(content: bytes) -> list[tuple[int, int]]:
    wide = read_version(content, "elst", 1) == 1
    return [
        (length, start)
        for length, start, _ in read_rows(content, "elst", ">u8,>i8,>u4" if wide else ">u4,>i4,>u4").tolist()
    ]
