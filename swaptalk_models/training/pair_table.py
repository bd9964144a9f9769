"""The swap teacher's pairs on disk: an Arrow file that is written some pairs at a time and read through the system's page cache.

However many pairs there are, only their codes and the pictures of a batch are in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.stored_files import present
from swaptalk_models.errors import UserError

PAIRS_FILE = "pairs.arrow"
EARLIER_FILE = "pairs.parquet"
CODES = ("upper", "lower", "source_upper", "source_lower")
"""Columns of codes: of the swap, and of the source in the target's light, posed as its frame."""


def pairs_schema(cells: int) -> pa.Schema:
    """A row a pair; ``cells``: codes of one half."""
    codes = pa.list_(pa.uint16(), cells)
    return pa.schema(
        [
            ("source_clip", pa.string()),
            ("source_frame", pa.int64()),
            ("target_clip", pa.string()),
            ("target_frame", pa.int64()),
            ("split", pa.string()),
            ("crop", pa.large_binary()),  # PNG of the swap
            ("source_landmarks", pa.list_(pa.float32(), 136)),  # (68, 2) of the source as the swapper is given it, px
            *((name, codes) for name in CODES),
        ]
    )


class PairWriter:
    """Appends pairs to the file."""

    def __init__(self, path: Path) -> None:
        self.path, self.num_rows = path, 0
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def write(self, rows: Sequence[Mapping[str, Any]], codes: Mapping[str, np.ndarray]) -> None:
        """``rows``: values of the other columns; ``codes``: (len(rows), cells) uint16 for each of CODES."""
        schema = pairs_schema(codes[CODES[0]].shape[1])
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self.path), schema)
        plain = [pa.array([row[field.name] for row in rows], field.type) for field in schema if field.name not in CODES]
        lists = [
            pa.FixedSizeListArray.from_arrays(pa.array(codes[name].ravel(), pa.uint16()), codes[name].shape[1])
            for name in CODES
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays([*plain, *lists], schema=schema))
        self.num_rows += len(rows)

    def close(self) -> None:
        assert self._writer is not None, "no pairs were written"
        self._writer.close()


@contextmanager
def write_pairs(folder: Path) -> Iterator[PairWriter]:
    """A writer of ``folder``/pairs.arrow, which appears whole or not at all."""
    with atomic_write(folder / PAIRS_FILE) as aside:
        writer = PairWriter(aside)
        yield writer
        writer.close()


def read_pairs(folder: Path) -> pa.Table:
    """All pairs; pictures stay on disk until they are asked for. A file of an earlier version is read whole.

    Raises:
        UserError: there are none.
    """
    if present(folder / PAIRS_FILE).is_file():
        return pa.ipc.open_file(pa.memory_map(str(folder / PAIRS_FILE))).read_all()
    if (folder / EARLIER_FILE).is_file():
        return pq.read_table(folder / EARLIER_FILE)
    raise UserError(f"{folder}: not a folder of a swap teacher: {PAIRS_FILE} is missing")
