"""What the ledger asks of a database, and how SQLite does it. Statements are written once, with `?` for values; Postgres's way is in
`postgres_database.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from swaptalk_models.errors import UserError

Row = tuple[Any, ...]

# SQLite reads BIGINT and DOUBLE PRECISION as its INTEGER and REAL.
TABLES = {
    "work": """
        stage TEXT, clip TEXT, video TEXT, fingerprint TEXT, inputs TEXT, code_version TEXT, params TEXT,
        status TEXT, reason TEXT, output TEXT, rows BIGINT, seconds DOUBLE PRECISION, updated_at DOUBLE PRECISION,
        orphaned BIGINT DEFAULT 0, PRIMARY KEY (stage, clip)""",
    "pending": "stage TEXT, clip TEXT, PRIMARY KEY (stage, clip)",
    "files": "path TEXT PRIMARY KEY, size BIGINT, mtime_ns BIGINT, hash TEXT",
    "stored": "path TEXT PRIMARY KEY, size BIGINT, mtime_ns BIGINT, hash TEXT",
    "downloads": "address TEXT PRIMARY KEY, status TEXT, reason TEXT, at DOUBLE PRECISION",
    "runs": """
        run TEXT, stage TEXT, computed BIGINT, cached BIGINT, quarantined BIGINT, seconds DOUBLE PRECISION,
        updated_at DOUBLE PRECISION, PRIMARY KEY (run, stage)""",
    "changes": "stage TEXT PRIMARY KEY, count BIGINT",
    "settled": "stage TEXT PRIMARY KEY, seen TEXT, cached BIGINT, quarantined BIGINT",
}
"""{table: its columns}, of every ledger."""
INDEXES = (
    "CREATE INDEX IF NOT EXISTS work_by_video ON work (video, stage)",
    "CREATE INDEX IF NOT EXISTS work_by_state ON work (orphaned, status)",
)


class Database(Protocol):
    """One connection to a ledger."""

    by_video: str
    """Hint in a statement that it shall read the index `work_by_video`."""

    def all(self, statement: str, values: Sequence[Any] = ()) -> Iterable[Row]:
        """Rows of a query."""

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """The same statement for each of these rows of values; within a ``transaction``."""

    def transaction(self, durable: bool = True) -> AbstractContextManager[None]:
        """All of a block, or nothing; of two processes that write, one waits.

        Args:
            durable: False: it may be lost again when the database's machine fails, and nobody suffers.
        """

    def among(self, column: str, values: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
        """Conditions, each with its values, that together are `column IN (values)`."""

    def close(self) -> None:
        """End the connection."""


class SqliteDatabase:
    """A ledger in a file."""

    by_video = "INDEXED BY work_by_video"  # the planner would rather read the whole stage

    def __init__(self, path: Path):
        try:
            self.connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self.connection.execute("PRAGMA journal_mode=WAL")
            # A power cut may take the last entries: see runner._recover.
            self.connection.execute("PRAGMA synchronous=NORMAL")
            for name, columns in TABLES.items():
                self.connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) WITHOUT ROWID")
            for index in INDEXES:
                self.connection.execute(index)
        except sqlite3.Error as error:
            raise UserError(f"{path}: cannot be opened as the ledger ({error})") from None

    def all(self, statement: str, values: Sequence[Any] = ()) -> Iterable[Row]:
        return self.connection.execute(statement, values)

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self.connection.executemany(statement, rows)

    @contextmanager
    def transaction(self, durable: bool = True) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def among(self, column: str, values: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
        for start in range(0, len(values), 500):  # it takes a limited number of variables
            part = list(values[start : start + 500])
            yield f"{column} IN ({', '.join('?' * len(part))})", part

    def close(self) -> None:
        self.connection.close()
