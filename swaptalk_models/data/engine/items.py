"""What a stage is given to do and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.spool import SpooledRows


@dataclass(frozen=True)
class Item:
    """A clip that a stage should have done."""

    clip: str
    video: str
    inputs: Any
    """Plain values that the result depends on: hashes of what is read, spans, windows. The fingerprint is taken of
    them."""
    payload: dict[str, Any] = field(default_factory=dict)
    """What else the work needs to know, but does not depend on: where things lie."""


@dataclass(frozen=True)
class Result:
    """What the work on a clip made."""

    output: dict[str, Any]
    """Plain values for the ledger: hashes of the data for the stages downstream, number of frames, ..."""
    table: pa.Table | SpooledRows | None = None
    """Rows for the stage's table; spooled where they may be many: what a worker makes passes through the memory of two
    processes."""


def _no_files(home: Home, item: Item) -> tuple[Path, ...]:
    return ()


@dataclass(frozen=True)
class Needs:
    """What the work on one item reads: all of it, so that the work can be done where nothing else of the home is."""

    files: Callable[[Home, Item], tuple[Path, ...]] = _no_files
    """Files below the home, or that the item's payload names. One that is not there is passed over."""
    tables: tuple[str, ...] = ()
    """Tables of which it reads the item's clip."""


Work = Callable[[Item, Home, Any], Result]
"""(item, home, parameters) -> result. Module-level where it is to run in worker processes. BadClip: the clip goes into
quarantine."""
