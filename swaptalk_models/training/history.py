"""A training's curves as Parquet: written while it runs, read by whoever looks on."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.store.atomic_write import atomic_write

HISTORY_FILE = "history.parquet"
HELD_OUT = "held_out_"
"""Begins the names of figures on validation people."""


def write_history(history: list[dict[str, float]], path: Path) -> None:
    """Curves as Parquet: `step` and one float column a figure, null where it was not taken."""
    names = sorted({name for row in history for name in row} - {"step"})
    columns = {"step": pa.array([row["step"] for row in history], pa.int32())}
    columns |= {name: pa.array([row.get(name) for row in history], pa.float32()) for name in names}
    with atomic_write(path) as aside:
        pq.write_table(pa.table(columns), aside)


def read_history(path: Path) -> list[dict[str, float]]:
    """What ``write_history`` was given: rows without what was not taken; empty where nothing was written yet."""
    if not path.is_file():
        return []
    return [
        {name: value for name, value in row.items() if value is not None} for row in pq.read_table(path).to_pylist()
    ]


def newest(history: list[dict[str, float]]) -> dict[str, float]:
    """The last value of each figure."""
    found: dict[str, float] = {}
    for row in history:
        found |= row
    return found
