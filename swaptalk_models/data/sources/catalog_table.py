"""The catalog's table: one row a clip, before anything is decoded or downloaded."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from swaptalk_models.data.store.schemas import table_schema

CATALOG_SCHEMA = table_schema("hdtf_catalog")


def catalog_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of CATALOG_SCHEMA, sorted by video and clip; missing values are null, missing texts that must be
    there empty.
    """
    texts = [field.name for field in CATALOG_SCHEMA if not field.nullable]
    complete = [{**dict.fromkeys(texts, ""), **row} for row in rows]
    complete.sort(key=lambda row: (row["video"], row.get("clip_index") or 0))
    return pa.Table.from_pylist(complete, schema=CATALOG_SCHEMA)
