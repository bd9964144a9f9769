"""The Arrow schemas of the tables, from the one place that says what their columns are."""

from __future__ import annotations

import pyarrow as pa

from swaptalk_models.graph.columns import COLUMNS

_TYPES = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
}


def table_schema(name: str, **lengths: int) -> pa.Schema:
    """The schema of a table.

    Args:
        lengths: of the lists whose length hangs on the settings: ``cells=128``.
    """
    return pa.schema([pa.field(c.name, _type(c.type, lengths), c.nullable) for c in COLUMNS[name]])


def _type(written: str, lengths: dict[str, int]) -> pa.DataType:
    of, _, length = written.removesuffix("]").partition("[")
    if not length:
        return _TYPES[of]
    return pa.list_(_TYPES[of], int(length) if length.isdigit() else lengths[length])
