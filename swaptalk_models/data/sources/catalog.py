"""The catalog: one row a clip, before anything is decoded or downloaded."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from swaptalk_models.data.sources.names import hdtf_group, person_of, safe_name, short_hash
from swaptalk_models.errors import UserError

EXTENSIONS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg")

CATALOG_SCHEMA = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False),  # partition key: [A-Za-z0-9_.-]
        pa.field(
            "clip", pa.string()
        ),  # f"{video}_{clip_index:03d}"; null: nothing of this video is to be used, see note
        pa.field("group", pa.string(), nullable=False),  # HDTF's RD, WDA or WRA; else empty
        pa.field("person", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # absolute path, or address
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


def catalog_table(rows: list[dict]) -> pa.Table:
    """Rows as a table of CATALOG_SCHEMA, sorted by video and clip; missing values are null, missing texts that must be
    there empty.
    """
    texts = [field.name for field in CATALOG_SCHEMA if not field.nullable]
    complete = [{**dict.fromkeys(texts, ""), **row} for row in rows]
    complete.sort(key=lambda row: (row["video"], row.get("clip_index") or 0))
    return pa.Table.from_pylist(complete, schema=CATALOG_SCHEMA)


def folder_catalog(folder: str | os.PathLike) -> pa.Table:
    """Catalog of every video in a folder and its sub-folders, one row each; the span is null until a video is opened.

    Nothing is decoded: a file that only bears a video's name is refused later, by itself. Hidden files are skipped,
    links are followed, and a file or folder that can be reached on two ways counts once. Names become safe keys here,
    at the door.

    Raises:
        UserError: no such folder, or no video in it.
    """
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        raise UserError(f"{folder}: {'is a file, not a folder of videos' if folder.exists() else 'no such folder'}")
    files = _videos(folder)
    if not files:
        raise UserError(f"no video in {folder} (looked for {' '.join(EXTENSIONS)})")
    rows = []
    for key, relative in _keyed(files):
        span = {"video": key, "clip": f"{key}_000", "clip_index": 0}
        names = {"group": hdtf_group(relative.name), "person": person_of(relative), "source": str(folder / relative)}
        rows.append({**span, **names})
    return catalog_table(rows)


def _videos(folder: Path) -> list[Path]:
    """Paths relative to ``folder``, sorted."""
    found, seen_files, seen_folders = [], set(), set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen_folders else sorted(name for name in folders if not name.startswith("."))
        if real in seen_folders:
            continue
        seen_folders.add(real)
        for name in sorted(names):
            path = os.path.join(parent, name)
            if name.startswith(".") or not name.lower().endswith(EXTENSIONS) or not os.path.isfile(path):
                continue
            target = os.path.realpath(path)
            if target not in seen_files:
                seen_files.add(target)
                found.append(Path(path).relative_to(folder))
    return sorted(found)


def _keyed(files: list[Path]) -> list[tuple[str, Path]]:
    """A key for each file. Where several would share one, the file whose own name it is keeps it and the others get a
    short hash, so that
    their keys do not depend on which other files there are."""
    wanted = defaultdict(list)
    for relative in files:
        key = safe_name("_".join(relative.with_suffix("").parts))
        wanted[key.casefold()].append((key, relative))  # casefold: some file systems do not tell `A.mp4` from `a.mp4`
    keyed = []
    for rivals in wanted.values():
        rivals.sort(
            key=lambda rival: (
                rival[0] != rival[1].with_suffix("").as_posix(),
                EXTENSIONS.index(rival[1].suffix.lower()),
                rival[1],
            )
        )
        keyed.append(rivals[0])
        keyed += [(f"{key}_{short_hash(relative.as_posix())}", relative) for key, relative in rivals[1:]]
    return keyed
