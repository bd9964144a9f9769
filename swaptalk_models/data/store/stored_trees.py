"""Which files of a home go onto its storage: of its folders some as a whole, some file by file; all others stay on the host."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from swaptalk_models.data.store.stored_index import Stamp

LEVEL_TREES = ("catalog", "hdtf", "snapshots", "models", "evaluation", "releases", "studies", "ablations")
"""Folders that are brought level (`levelling.py`)."""
LEVEL_FILES = ("state.json", "precheck.json", "fingerprints.parquet", "picture_fingerprints.parquet")
"""And files of the home itself."""
LARGE_TREES = ("clips", "videos", "phantom")
"""Folders whose files are published and fetched by name (`stored_files.py`)."""
SMALL = 1 << 20
"""Bytes up to which any file of ``LEVEL_TREES`` comes without being asked for; of larger ones all but ..."""
WHEN_USED = (".safetensors", ".pt", ".arrow", ".mp4", ".wav")
"""... these: whoever reads one asks for it."""


def files_here(root: Path, trees: Iterable[str] = LEVEL_TREES) -> Iterator[tuple[str, Stamp]]:
    """(path below the home, stamp) of every whole file of these trees, and of those of the home itself."""
    for name in LEVEL_FILES:
        if (stamp := stamp_of(root / name)) is not None:
            yield name, stamp
    for tree in trees:
        for parent, folders, names in os.walk(root / tree):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(parent) / name
                if not name.startswith(".") and not name.endswith(".tmp") and (stamp := stamp_of(path)) is not None:
                    yield name_below(root, path), stamp


def stamp_of(path: Path) -> Stamp | None:
    """Of a file that is here."""
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_size, stat.st_mtime_ns


def name_below(root: Path, path: Path) -> str:
    """As the index names a file of the home."""
    return path.relative_to(root).as_posix()
