"""What goes between the driver of a stage and the Ray task that does one item. No file system is shared: files travel as pieces, so that neither
side ever holds a whole one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Work
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.graph.code_versions import CODE_VERSIONS

PIECE_BYTES = 16 << 20
PIECES_AHEAD = 4
"""Pieces of one item's results that wait for the driver; then its task waits."""


@dataclass(frozen=True)
class SentItem:
    """An item on its way to a task. References to Ray's objects stand where they are fetched only when they are asked for."""

    work: Work
    item: Item
    params: Any
    limit: float | None
    """Longest time for the work (s)."""
    root: str
    """The driver's home; no such folder need be where the task runs."""
    files: dict[str, list[Any]]
    """{the driver's path of a file that is read: references to its pieces}"""
    rows: dict[str, Any]
    """{table: reference to the clip's rows}"""
    makes: tuple[str, ...]
    """Files that the work makes, from the home on."""
    code: str
    """``code_stamp`` of the driver."""


@dataclass(frozen=True)
class Began:
    """The work on an item begins now."""

    node: str
    """Ray's name of the host's daemon."""


@dataclass(frozen=True)
class Done:
    """The work on an item has ended. Pieces of its files follow, file by file."""

    output: dict[str, Any] | None
    """None: it goes into quarantine."""
    reason: str
    seconds: float
    table: pa.Table | None = None
    spooled: tuple[int, str] | None = None
    """(number, hash) of rows that come as the last file."""
    files: tuple[tuple[str, int], ...] = ()
    """(path from the home on, bytes); "" is the spooled rows'."""


Message = Began | Done | bytes


def code_stamp() -> str:
    """Both sides must mean the same by a stage."""
    return hash_values(CODE_VERSIONS)


def pieces(path: Path) -> Iterator[bytes]:
    """A file's content."""
    with open(path, "rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
