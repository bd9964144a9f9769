"""Hashes that say whether something has changed: of files, of plain values, of table rows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from swaptalk_models.errors import BadClip

if TYPE_CHECKING:
    import pyarrow as pa

DIGEST_BYTES = 16
# Where a stage runs, not what it makes: changing these makes nothing stale.
NOT_CONTENT = ("device",)
# Made once: a run that finds all done hashes a million values, and `json.dumps` makes an encoder for each.
_as_text = json.JSONEncoder(sort_keys=True, allow_nan=False).encode


def hash_values(values: Any) -> str:
    """Hash of plain values (whatever JSON holds); the order of keys does not matter."""
    return _hex(_as_text(values).encode())


def hash_params(params: Any) -> str:
    """Hash of a config dataclass, without the fields that do not change results."""
    values = dataclasses.asdict(params) if params is not None else {}
    return hash_values({key: value for key, value in values.items() if key not in NOT_CONTENT})


def hash_file(path: str | os.PathLike[str]) -> str:
    """Hash of a file's content, in constant memory. BadClip: it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hash_opened(file)
    except OSError as error:
        raise BadClip(f"{Path(path)}: {error.strerror}") from None


def hash_opened(file: BinaryIO) -> str:
    """Hash of an opened file's content, from where it stands on, as ``hash_file`` gives it."""
    # A reader of bytes, for which file_digest's own type has no name.
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).hexdigest()  # type: ignore[arg-type]


def hash_table(table: pa.Table) -> str:
    """Hash of a table's values and column names; how they are cut into chunks does not matter."""
    import pyarrow as pa

    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    sink = pa.BufferOutputStream()
    table = table.replace_schema_metadata(None).combine_chunks()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    digest.update(sink.getvalue())
    return digest.hexdigest()


class RowsHash:
    """Hash of rows that come batch by batch, in constant memory. Where the batches are cut does matter: cut them every
    so many rows."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows."""
        self._digest.update(batch.schema.remove_metadata().serialize())
        self._digest.update(batch.serialize())

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _hex(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()
