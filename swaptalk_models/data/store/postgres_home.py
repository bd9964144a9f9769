"""A home's schema in Postgres: found or made, and connected to.

Several homes may share a database: each has a schema of its own. A schema belongs to one folder: a copy of a home that went on writing
into the same ledger would spoil both.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from swaptalk_models.data.store.database import INDEXES, TABLES
from swaptalk_models.data.store.postgres import connect, shown, told
from swaptalk_models.data.store.state_store import (
    VARIABLE,
    marker_file,
    new_schema,
    postgres_address,
    read_marker,
    schema_of,
    write_marker,
)
from swaptalk_models.data.store.storage_address import Storage, storage_of
from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

LAYOUT = 3
"""Of the tables; raised when they change. Since 2 there is `stored`, since 3 `changes` and `settled`."""
_TEXT = 'TEXT COLLATE "C"'  # in the order of bytes, as SQLite's
_OWN_TABLES = {
    # token: raised whenever somebody takes the lock to write. clean: its last writer ended well. intruded: one that was cut off
    # has written to the stage's table or files since.
    "locks": "stage TEXT PRIMARY KEY, token BIGINT, holder TEXT, clean BOOLEAN, intruded BOOLEAN",
    "home": "layout BIGINT, root TEXT, host TEXT, inode BIGINT",
}
_MOST_IDLE = 4
"""Connections that a process keeps for later, of all homes together: each takes a place of the server's, which has 100 by default."""
_owned: set[tuple[str, str, str]] = set()
_idle: list[tuple[tuple[int, str, str, str], Connection]] = []
"""The longest idle first; with the process, for a forked one must not touch its parent's."""
_idle_guard = threading.Lock()


@dataclass(frozen=True)
class PostgresHome:
    """The schema of one home."""

    root: Path
    schema: str
    address: str = field(repr=False)

    def connect(self) -> Connection:
        """A connection to the schema, in which each statement is a transaction of its own.

        Raises:
            UserError: the database cannot be used, or has no such schema, or the schema is another folder's.
        """
        connection = connect(self.address, self.schema)
        key = (self.address, self.schema, str(self.root))
        if key not in _owned:
            with told(self.address):
                try:
                    _check_owner(self, connection)
                except BaseException:
                    connection.close()
                    raise
            _owned.add(key)
        return connection

    def borrow(self) -> Connection:
        """As ``connect``, but one that this process has given back, where there is one: a new one takes some 10 ms."""
        import psycopg2

        while (connection := self._kept()) is not None:
            try:
                connection.cursor().execute("SELECT 1")
            except psycopg2.Error:  # the server has ended it meanwhile
                connection.close()
                continue
            return connection
        return self.connect()

    def give_back(self, connection: Connection) -> None:
        """The opposite of ``borrow``. Its locks are free."""
        import psycopg2

        try:
            # Said, although closing does the same: the server takes note of that some milliseconds later.
            connection.cursor().execute("ROLLBACK; SELECT pg_advisory_unlock_all()")
        except psycopg2.Error:
            connection.close()  # it was lost, and its locks with it
            return
        with _idle_guard:
            _idle.append((self._idle_key, connection))
            mine = [entry for entry in _idle if entry[0][0] == os.getpid()]
            for entry in mine[:-_MOST_IDLE]:
                _idle.remove(entry)
                entry[1].close()

    def _kept(self) -> Connection | None:
        """The connection to this schema that has been idle for the shortest, no longer among the idle."""
        with _idle_guard:
            for place in reversed(range(len(_idle))):
                if _idle[place][0] == self._idle_key:
                    return _idle.pop(place)[1]
        return None

    @property
    def _idle_key(self) -> tuple[int, str, str, str]:
        return os.getpid(), self.address, self.schema, str(self.root)

    def key(self, name: str) -> int:
        """Number of the advisory lock of this name."""
        digest = hashlib.blake2b(f"{self.schema}/{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)

    @property
    def dagster_schema(self) -> str:
        """The schema of the home's Dagster instance."""
        return f"{self.schema}_dagster"


def postgres_home(root: Path) -> PostgresHome | None:
    """Where the state of this home lies; its schema is made where it has none yet. None: in the home itself.

    Raises:
        UserError: as ``schema_of``; the database cannot be used.
    """
    schema, address = schema_of(root), postgres_address()
    if address is None:
        return None
    return PostgresHome(root, schema or _made(root, address), address)


def _made(root: Path, address: str) -> str:
    """The name of the schema of a home that had none: of two processes that make one, the other's may stand."""
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder to be a home")
    home, mine = PostgresHome(root, new_schema(), address), False
    with contextlib.closing(connect(address)) as connection:
        create_schema(home, connection)
        try:
            mine = write_marker(root, home.schema, lambda aside: own(home, connection, aside))
        finally:
            if not mine:
                drop_schemas(home, connection)
    return read_marker(root)


def create_schema(home: PostgresHome, connection: Connection) -> None:
    """Make the home's two schemas and its tables, all or none; UserError: this user may not."""
    with told(home.address), connection.cursor() as cursor:
        made = [
            f"CREATE TABLE {home.schema}.{name} ({columns.replace('TEXT', _TEXT)})"
            for name, columns in (TABLES | _OWN_TABLES).items()
        ]
        indexes = [
            index.replace("ON work", f"ON {home.schema}.work").replace("IF NOT EXISTS ", "") for index in INDEXES
        ]
        schemas = [f"CREATE SCHEMA {home.schema}", f"CREATE SCHEMA {home.dagster_schema}"]
        row = f"INSERT INTO {home.schema}.home (layout) VALUES ({LAYOUT})"
        cursor.execute("; ".join(["BEGIN", *schemas, *made, *indexes, row, "COMMIT"]))


def own(home: PostgresHome, connection: Connection, marker: Path | None = None, storage: Storage | None = None) -> None:
    """Note that the schema is this folder's, or that of the home on its storage.

    Args:
        marker: the home's file, where it is not yet in its place.
        storage: where the folder does not say so yet.
    """
    if storage := storage or storage_of(home.root):
        values = storage.address, "", 0  # every host has a folder of it
    else:
        values = str(home.root.resolve()), socket.gethostname(), _inode(marker or marker_file(home.root))
    with told(home.address), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {home.schema}.home SET root = %s, host = %s, inode = %s", values)


def drop_schemas(home: PostgresHome, connection: Connection, dagster: bool = True) -> None:
    """Remove the home's ledger from the database, and what its Dagster instance has kept there."""
    _owned.discard((home.address, home.schema, str(home.root)))
    with told(home.address), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {home.schema} CASCADE")
        if dagster:
            cursor.execute(f"DROP SCHEMA IF EXISTS {home.dagster_schema} CASCADE")


def forget_homes() -> None:
    """Look at each schema anew, through a new connection."""
    _owned.clear()
    while _idle:
        _idle.pop()[1].close()


def _check_owner(home: PostgresHome, connection: Connection) -> None:
    """Whether this folder is the schema's: it lies where it lay, or is the same file, or has been moved from there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", (f"{home.schema}.home",))
        if cursor.fetchone()[0] is None:
            raise UserError(
                f"{shown(home.address)}: has no ledger of {home.root} (schema {home.schema}): {VARIABLE} names another database "
                "than before, or it was restored without it"
            )
        cursor.execute("SELECT layout, root, host, inode FROM home")
        layout, root, host, inode = cursor.fetchone()
    if layout > LAYOUT:
        raise UserError(
            f"{home.root}: its ledger in Postgres was made by a later version of SwapTalk: upgrade this one"
        )
    storage = storage_of(home.root)
    here, name = storage.address if storage else str(home.root.resolve()), "" if storage else socket.gethostname()
    if layout < LAYOUT:
        _bring_up_to_date(home, connection)
    if (root, host) == (here, name):
        return
    if storage and (root, host) == (str(home.root.resolve()), socket.gethostname()):  # a kill while it was moved there
        own(home, connection)
        return
    if storage:
        raise UserError(
            f"{home.root}: its ledger in Postgres (schema {home.schema}) is that of {root}, not of {storage.address}: {VARIABLE} names "
            "another database than before, or the home's storage.json another storage"
        )
    file = _inode(marker_file(home.root))
    if inode == file and root == here:  # hosts that share a disk, or a container's next name
        return
    gone = host == name and not _names(Path(root), home.schema)
    if inode == file or gone:
        own(home, connection)
        return
    raise UserError(
        f"{home.root}: is a copy of {root} on {host}, whose ledger in Postgres (schema {home.schema}) it would share: "
        f"`swaptalk state --own-copy --home {home.root}` gives it one of its own; where the other is gone for good, "
        "`swaptalk state --take-over`"
    )


def _bring_up_to_date(home: PostgresHome, connection: Connection) -> None:
    """Make what a schema of an earlier version lacks."""
    lacking = [
        f"CREATE TABLE IF NOT EXISTS {name} ({columns.replace('TEXT', _TEXT)});" for name, columns in TABLES.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"BEGIN; SELECT pg_advisory_xact_lock({home.key('')}); {' '.join(lacking)} UPDATE home SET layout = {LAYOUT}; COMMIT"
        )


def _names(root: Path, schema: str) -> bool:
    """Whether there is a home in ``root`` whose state is in this schema."""
    try:
        return read_marker(root) == schema
    except (OSError, UserError):
        return False


def _inode(path: Path) -> int:
    number = os.stat(path).st_ino
    return number - (1 << 64) if number >= 1 << 63 else number
