"""What goes between the driver of a stage and the Ray workers that do its items. No file system is shared. What is small travels along, since each
further message of Ray's takes longer than the work on a short clip; large files travel as pieces, so that neither side ever holds a whole one
in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Work
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.graph.code_versions import CODE_VERSIONS

PIECE_BYTES = 4 << 20
"""Of a large file; what is no larger is small."""
PIECES_AHEAD = 16
"""Messages of one worker that wait for the driver; then it waits."""


@dataclass(frozen=True)
class SentItem:
    """An item on its way to a worker."""

    item: Item
    files: dict[str, bytes | list[Any]]
    """{the driver's path of a file that is read: its content, or references to its pieces}"""
    rows: dict[str, Any]
    """{table: the clip's rows, or a reference to them}"""
    makes: tuple[str, ...]
    """Files that the work makes, from the home on."""


@dataclass(frozen=True)
class SentGroup:
    """Items that one worker does one after the other."""

    work: Work
    params: Any
    limit: float | None
    """Longest time for the work on one of them (s)."""
    root: str
    """The driver's home; no such folder need be where the worker is."""
    code: str
    """``code_stamp`` of the driver."""
    items: tuple[SentItem, ...]


@dataclass(frozen=True)
class Done:
    """The work on an item has ended. Pieces of its files follow, file by file; then comes the next item."""

    output: dict[str, Any] | None
    """None: it goes into quarantine."""
    reason: str
    seconds: float
    table: pa.Table | None = None
    spooled: tuple[int, str] | None = None
    """(number, hash) of rows that come as the last file."""
    files: tuple[tuple[str, int], ...] = ()
    """(path from the home on, bytes); "" is the spooled rows'."""


Message = tuple["Done | bytes", ...]
"""What a worker says at a time, always of one item: as much of it as is small together."""


def gathered(parts: Iterator[Done | bytes]) -> Iterator[Message]:
    """All parts of one item, in messages of about ``PIECE_BYTES``."""
    message: list[Done | bytes] = []
    held = 0
    for part in parts:
        size = len(part) if isinstance(part, bytes) else 0
        if message and held + size > PIECE_BYTES:
            yield tuple(message)
            message, held = [], 0
        message.append(part)
        held += size
    if message:
        yield tuple(message)


def code_stamp() -> str:
    """Both sides must mean the same by a stage."""
    return hash_values(CODE_VERSIONS)


def pieces(path: Path) -> Iterator[bytes]:
    """A file's content."""
    with open(path, "rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
