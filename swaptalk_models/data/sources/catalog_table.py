"""The catalog's table: one row a clip, before anything is decoded or downloaded."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

CATALOG_SCHEMA = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False),  # partition key: [A-Za-z0-9_.-]
        # f"{video}_{clip_index:03d}"; null: nothing of this video is to be used, see note
        pa.field("clip", pa.string()),
        pa.field("group", pa.string(), nullable=False),  # HDTF's RD, WDA or WRA; else empty
        pa.field("person", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # absolute path, path in the home, or address
        pa.field("clip_index", pa.int32()),
        pa.field("start_s", pa.float64()),  # null: the whole video, to be planned
        pa.field("end_s", pa.float64()),
        pa.field("crop_x", pa.int32()),  # px at a picture height of `resolution`
        pa.field("crop_y", pa.int32()),
        pa.field("crop_w", pa.int32()),
        pa.field("crop_h", pa.int32()),
        pa.field("zoom", pa.float64()),  # side of the crop / side of the union of face boxes; without a crop: cut so
        pa.field("resolution", pa.int32()),  # px, height
        pa.field("note", pa.string(), nullable=False),
    ]
)


def catalog_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of CATALOG_SCHEMA, sorted by video and clip; missing values are null, missing texts that must be
    there empty.
    """
    texts = [field.name for field in CATALOG_SCHEMA if not field.nullable]
    complete = [{**dict.fromkeys(texts, ""), **row} for row in rows]
    complete.sort(key=lambda row: (row["video"], row.get("clip_index") or 0))
    return pa.Table.from_pylist(complete, schema=CATALOG_SCHEMA)
