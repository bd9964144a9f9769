"""The catalog of a folder of videos: a row a file, with a key that is safe everywhere."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from swaptalk_models.data.media.suffixes import VIDEOS as EXTENSIONS
from swaptalk_models.data.sources.catalog_table import catalog_table
from swaptalk_models.data.sources.names import hdtf_group, person_of, safe_name, short_hash
from swaptalk_models.errors import UserError


def folder_catalog(folder: str | os.PathLike[str]) -> pa.Table:
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
    rows: list[dict[str, Any]] = []
    for key, relative in _keyed(files):
        path = os.path.join(folder, relative)
        if not _is_text(path):
            rows.append(_unusable(key, path))
            continue
        span: dict[str, Any] = {"video": key, "clip": f"{key}_000", "clip_index": 0}
        names = {"group": hdtf_group(os.path.basename(relative)), "person": person_of(Path(relative)), "source": path}
        rows.append({**span, **names})
    return catalog_table(rows)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unusable(key: str, path: str) -> dict[str, Any]:
    """The row of a file that no table can name: nothing of it is used, and the note says why."""
    name = os.fsencode(path).decode(errors="backslashreplace")
    note = f"{name}: there are bytes in its name that are no letters (not UTF-8): rename it"
    return {"video": key, "person": key, "source": name, "note": note}


# A run that finds all done comes by here with a hundred thousand names: as text, a fifth of the time of as many ``Path``.
def _videos(folder: Path) -> list[str]:
    """Paths relative to ``folder``, folder by folder in the order of their names."""
    found, seen_files, seen_folders = [], set(), set()
    start = len(os.path.join(folder, ""))
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
            target = os.path.realpath(path) if os.path.islink(path) else os.path.join(real, name)
            if target not in seen_files:
                seen_files.add(target)
                found.append(path[start:])
    return sorted(found, key=_parts)


def _parts(relative: str) -> list[str]:
    return relative.split(os.sep)


def _keyed(files: list[str]) -> list[tuple[str, str]]:
    """A key for each file. Where several would share one, the file whose own name it is keeps it and the others get a
    short hash, so that their keys do not depend on which other files there are.
    """
    wanted: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for relative in files:
        key = safe_name(os.path.splitext(relative)[0].replace(os.sep, "_"))
        wanted[key.casefold()].append((key, relative))  # casefold: some file systems do not tell `A.mp4` from `a.mp4`
    keyed = []
    for rivals in wanted.values():
        if len(rivals) > 1:
            rivals.sort(key=_claim)
        keyed.append(rivals[0])
        keyed += [(f"{key}_{short_hash(relative)}", relative) for key, relative in rivals[1:]]
    return keyed


def _claim(rival: tuple[str, str]) -> tuple[bool, int, list[str]]:
    """Of several (key, file), the least has the best claim to the key."""
    key, relative = rival
    stem, suffix = os.path.splitext(relative)
    return key != stem, EXTENSIONS.index(suffix.lower()), _parts(relative)
