"""Which files of a home are on its storage, and as what: a table of the ledger, so that files appear there all at once, by whoever still
holds what he has locked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from swaptalk_models.data.store.ledger import open_database
from swaptalk_models.data.store.state_store import LEDGER_FILE

_ENTER = (
    "INSERT INTO stored VALUES (?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
    "size = excluded.size, mtime_ns = excluded.mtime_ns, hash = excluded.hash"
)
Stamp = tuple[int, int]
"""(size in bytes, time of the last change in ns): equal means the same content."""


@dataclass(frozen=True)
class StoredFile:
    """A file of a home, as its storage has it."""

    path: str
    """Below the home, with slashes."""
    size: int
    mtime_ns: int
    hash: str
    """Of its content, as ``hash_file`` gives it."""

    @property
    def stamp(self) -> Stamp:
        return self.size, self.mtime_ns

    @property
    def key(self) -> str:
        """Of its object, which is never written over."""
        return f"files/{self.path}@{self.hash}"


class StoredIndex:
    """One connection to the index of the home in this folder; a context manager."""

    def __init__(self, root: Path):
        self._db = open_database(root / LEDGER_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def of(self, paths: Collection[str]) -> dict[str, StoredFile]:
        """Those of these files that are there, by path."""
        found: dict[str, StoredFile] = {}
        for condition, values in self._db.among("path", list(paths)):
            rows = self._db.all(f"SELECT path, size, mtime_ns, hash FROM stored WHERE {condition}", values)
            found |= {row[0]: StoredFile(*row) for row in rows}
        return found

    def under(self, folders: Iterable[str]) -> dict[str, StoredFile]:
        """All below these folders, by path."""
        found: dict[str, StoredFile] = {}
        query = "SELECT path, size, mtime_ns, hash FROM stored WHERE path > ? AND path < ? ORDER BY path"
        for folder in folders:
            # What begins with "folder/": the letter after the slash is a nought.
            found |= {row[0]: StoredFile(*row) for row in self._db.all(query, (f"{folder}/", f"{folder}0"))}
        return found

    def all(self) -> dict[str, StoredFile]:
        """Everything, by path."""
        rows = self._db.all("SELECT path, size, mtime_ns, hash FROM stored ORDER BY path")
        return {row[0]: StoredFile(*row) for row in rows}

    def change(self, entered: Mapping[str, StoredFile], gone: Iterable[str] = ()) -> None:
        """Enter these and forget those, all at once.

        Raises:
            UserError: a lock that this process holds has meanwhile been another's.
        """
        rows = [(one.path, one.size, one.mtime_ns, one.hash) for one in entered.values()]
        with self._db.transaction():
            self._db.many("DELETE FROM stored WHERE path = ?", [(path,) for path in gone])
            self._db.many(_ENTER, rows)
