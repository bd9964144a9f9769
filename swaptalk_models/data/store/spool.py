"""Spool files: the rows of one clip on their way from the process that makes them to the one that appends them.

A long clip of large crops does not fit into memory, neither here nor in the pipe between two processes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from swaptalk_models.data.store.fingerprint import RowsHash
from swaptalk_models.data.store.home import Home


@dataclass(frozen=True)
class SpooledRows:
    """Rows in a file, to be appended by another process than the one that made them."""

    path: Path
    num_rows: int
    hash: str
    """Of the rows."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, read from disk as they are asked for."""
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            yield from reader


class SpoolWriter:
    """Writes the rows of one clip to HOME/spool, batch by batch."""

    def __init__(self, path: Path, schema: pa.Schema):
        self.path, self.num_rows, self._hash = path, 0, RowsHash()
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_stream(self._file, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows. The hash is of these batches: write the same number of rows each time."""
        self._writer.write_batch(batch)
        self._hash.update(batch)
        self.num_rows += batch.num_rows

    def close(self) -> SpooledRows:
        """End the file."""
        self._writer.close()
        self._file.close()
        return SpooledRows(self.path, self.num_rows, self._hash.hexdigest())

    def discard(self) -> None:
        """Delete the file."""
        self._file.close()
        self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def spool_rows(home: Home, name: str, clip: str, schema: pa.Schema) -> Iterator[SpoolWriter]:
    """A spool for the rows of one clip. An error in the block deletes it."""
    home.spool.mkdir(exist_ok=True)
    spool = SpoolWriter(home.spool / f".{name}.{clip}.{os.getpid()}.part", schema)
    try:
        yield spool
    except BaseException:
        spool.discard()
        raise
