"""Boxes of an mp4 or QuickTime file and the numbers in them, by ISO/IEC 14496-12. `DamagedIndex`: they do not fit."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from swaptalk_models.errors import BadClip

_NAMES = (
    "mvhd iods trak udta meta mvex free skip wide uuid prfl ctab cmov clip rmra pssh"  # in moov
    " tkhd edts mdia tref trgr load imap matt kmat tapt txas elst"  # in trak, edts
    " mdhd hdlr minf elng vmhd smhd hmhd nmhd sthd gmhd dinf stbl"  # in mdia, minf
    " stsd stts ctts cslg stsc stsz stz2 stco co64 stss stps stsh padb stdp"  # in stbl
    " sdtp sbgp sgpd subs saiz saio csgp"  # in stbl
)
_KNOWN = frozenset(_NAMES.split())


class DamagedIndex(BadClip):
    """What an index says contradicts itself; ``str(error)`` says what, without the name of the file."""


def read_top_boxes(file: BinaryIO) -> Iterator[tuple[str, int, int]]:
    """(name, start, end of the content), as far as they make sense: what stands behind a file's boxes hurts nobody."""
    size, position = os.fstat(file.fileno()).st_size, 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length, name, start = int.from_bytes(head[:4], "big"), head[4:8].decode("latin1"), position + 8
        if length == 1:
            length, start = int.from_bytes(head[8:], "big"), position + 16
        elif length == 0:
            length = size - position
        if position + length < start:
            return
        yield name, start, min(position + length, size)
        position += length


def read_boxes(content: bytes, name: str) -> dict[str, list[bytes]]:
    """Contents of the boxes in a box, by name."""
    found: dict[str, list[bytes]] = {}
    position = 0
    while position + 8 <= len(content):
        length, inner = struct.unpack(">I4s", content[position : position + 8])
        inner = inner.decode("latin1")
        if length < 8 or position + length > len(content):
            raise DamagedIndex(f"what is in its {name} box does not fit into it")
        if inner not in _KNOWN and any(_one_bit_apart(inner, known) for known in _KNOWN):
            raise DamagedIndex(f"a box in its {name} is called {inner!a}")
        found.setdefault(inner, []).append(content[position + 8 : position + length])
        position += length
    if content[position:].strip(b"\0"):  # QuickTime may end a list with four zeros
        raise DamagedIndex(f"what is in its {name} box does not fill it")
    return found


def _one_bit_apart(a: str, b: str) -> bool:
    return sum((ord(x) ^ ord(y)).bit_count() for x, y in zip(a, b, strict=True)) == 1


def only_box(boxes: dict[str, list[bytes]], name: str, where: str) -> bytes:
    """Content of the one box of this name among those in the box ``where``."""
    if len(boxes.get(name, ())) != 1:
        raise DamagedIndex(f"its {where} has {len(boxes.get(name, ()))} {name} boxes instead of one")
    return boxes[name][0]


def read_header(content: bytes, name: str, narrow: str, wide: str) -> tuple[int, ...]:
    """Numbers of a box whose times are ``wide`` in version 1; the layouts are `struct`'s."""
    layout = struct.Struct(wide if read_version(content, name, 1) else narrow)
    if len(content) < layout.size:
        raise DamagedIndex(f"its {name} box is cut off")
    return layout.unpack_from(content)


def read_version(content: bytes, name: str, highest: int) -> int:
    """Version of a box, 0 to ``highest``."""
    if len(content) < 4 or content[0] > highest:
        raise DamagedIndex(f"its {name} box is of no known version")
    return content[0]


def read_rows(content: bytes, name: str, row: str | tuple[str, tuple[int]], head: int = 8) -> np.ndarray:
    """A box of a count and so many rows; ``row``: the dtype of one."""
    dtype = np.dtype(row)
    if len(content) < head:
        raise DamagedIndex(f"its {name} box is cut off")
    count = int.from_bytes(content[head - 4 : head], "big")
    end = head + count * dtype.itemsize
    if len(content) < end or content[end:].strip(b"\0"):
        raise DamagedIndex(f"the {count} rows that its {name} promises do not fill their box")
    return np.frombuffer(content, dtype, count, head)


def read_numbers(content: bytes, name: str, dtype: str, columns: int, head: int = 8) -> np.ndarray:
    """The same of rows of numbers alike, int64 (rows, columns)."""
    return read_rows(content, name, (dtype, (columns,)), head).astype(np.int64)
