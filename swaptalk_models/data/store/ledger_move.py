"""Moving a home's state into Postgres and back. Either both sides are whole or nothing has changed; the side that was left is kept
aside until then."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.database import TABLES, Database, SqliteDatabase
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.locks import FileLocks
from swaptalk_models.data.store.postgres import connect, told
from swaptalk_models.data.store.postgres_database import PostgresDatabase
from swaptalk_models.data.store.postgres_home import PostgresHome, create_schema, drop_schemas, own, postgres_home
from swaptalk_models.data.store.postgres_locks import mark_unclean, unclean
from swaptalk_models.data.store.state_store import (
    VARIABLE,
    marker_file,
    new_schema,
    postgres_address,
    read_marker,
    write_marker,
)
from swaptalk_models.errors import UserError

_AT_ONCE = 5000
"""Rows in memory."""


def move_to_postgres(home: Home, stages: Sequence[str]) -> int:
    """Copy the ledger of ``home`` into the database that the environment names, and leave the file beside it as `ledger.sqlite.moved`.

    Args:
        stages: all that may be written: nobody writes them meanwhile.

    Returns:
        Entries of finished or refused work.

    Raises:
        UserError: there is nothing to move; a run is at work; the database cannot be used.
    """
    address = _address()
    if marker_file(home.root).is_file() or not home.ledger.is_file():
        raise UserError(f"{home.root}: has no ledger of its own to be moved to Postgres")
    files = FileLocks(home.root, home.locks)
    badly_ended = [stage for stage in files.unclean() if stage in stages]
    with files.held(tuple(stages)), contextlib.closing(SqliteDatabase(home.ledger)) as source:
        made, mine = PostgresHome(home.root, new_schema(), address), False
        with contextlib.closing(connect(address)) as connection:
            try:
                create_schema(made, connection)
                own(made, connection, home.ledger)  # until its file is there
                with contextlib.closing(PostgresDatabase(made)) as target:
                    count = _copy(source, target)
                    with told(address):
                        mark_unclean(target.connection, badly_ended)
                mine = write_marker(home.root, made.schema, lambda aside: own(made, connection, aside))
            finally:
                if not mine:
                    drop_schemas(made, connection)
    _leave(home.ledger)
    return count


def move_to_sqlite(home: Home, stages: Sequence[str]) -> int:
    """Bring the ledger of ``home`` back from Postgres into a file, and drop its schema there. What its Dagster instance has kept there stays.

    Args:
        stages: all that may be written: nobody writes them meanwhile.

    Returns:
        Entries of finished or refused work.

    Raises:
        UserError: there is nothing to move; a run is at work; the database cannot be used.
    """
    _address()
    source_home = postgres_home(home.root) if marker_file(home.root).is_file() else None
    if source_home is None:
        raise UserError(f"{home.root}: has no ledger in Postgres to be moved back")
    with home.held(*stages), contextlib.closing(PostgresDatabase(source_home)) as source:
        with told(source_home.address):
            badly_ended = unclean(source.connection)
        with atomic_write(home.ledger) as aside, contextlib.closing(SqliteDatabase(aside)) as target:
            target.connection.execute("PRAGMA journal_mode=DELETE")  # one file, that can be renamed
            target.connection.execute("PRAGMA synchronous=FULL")
            count = _copy(source, target)
        for stage in badly_ended:
            (home.locks / f"{stage}.lock").write_text("?")
        marker_file(home.root).unlink()
    with contextlib.closing(connect(source_home.address)) as connection:
        drop_schemas(source_home, connection, dagster=False)
    return count


def make_own_copy(home: Home) -> str:
    """Give a copied home a ledger of its own, with all that is in the one it shared. Returns the schema that it shared.

    Raises:
        UserError: its state does not lie in Postgres, or the database cannot be used.
    """
    shared = _named(home)
    made = replace(shared, schema=new_schema())
    mine = False
    with contextlib.closing(connect(made.address)) as connection, told(made.address):
        try:
            create_schema(made, connection)
            cursor = connection.cursor()
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (shared.schema,))
            there = {name for (name,) in cursor.fetchall()}  # one of an earlier version has fewer
            copies = [
                f"INSERT INTO {made.schema}.{name} SELECT * FROM {shared.schema}.{name}"
                for name in TABLES
                if name in there
            ]
            # Whatever the other is just writing, the copied tables may have or not.
            flags = f"INSERT INTO {made.schema}.locks SELECT stage, 0, '', FALSE, FALSE FROM {shared.schema}.locks"
            cursor.execute("; ".join(["BEGIN ISOLATION LEVEL REPEATABLE READ", *copies, flags, "COMMIT"]))
            mine = write_marker(home.root, made.schema, lambda aside: own(made, connection, aside), replace=True)
        finally:
            if not mine:
                drop_schemas(made, connection)
    return shared.schema


def take_over(home: Home) -> None:
    """Make this folder the one whose ledger it is: the other that was is gone for good.

    Raises:
        UserError: its state does not lie in Postgres, or the database cannot be used.
    """
    named = _named(home)
    with contextlib.closing(connect(named.address)) as connection:
        own(named, connection)


def _named(home: Home) -> PostgresHome:
    """The schema that the home names, whosever it is."""
    address = _address()
    if not marker_file(home.root).is_file():
        raise UserError(f"{home.root}: its state does not lie in Postgres")
    named = PostgresHome(home.root, read_marker(home.root), address)
    with contextlib.closing(connect(address)) as connection, told(address):
        cursor = connection.cursor()
        cursor.execute("SELECT to_regclass(%s)", (f"{named.schema}.home",))
        if cursor.fetchone()[0] is None:
            raise UserError(f"{home.root}: the database that {VARIABLE} names has no schema {named.schema}")
    return named


def _address() -> str:
    address = postgres_address()
    if address is None:
        raise UserError(f"{VARIABLE} is not set: it names the database, postgresql://user:password@host:5432/database")
    return address


def _copy(source: Database, target: Database) -> int:
    """All rows of all tables, in one transaction. Returns the number of entries."""
    counts = {}
    with target.transaction():
        for name, columns in TABLES.items():
            names = ", ".join(_column_names(columns))
            marks = ", ".join("?" * len(_column_names(columns)))
            for rows in _groups(source.all(f"SELECT {names} FROM {name}")):
                target.many(f"INSERT INTO {name} ({names}) VALUES ({marks})", rows)
            counts[name] = _count(target, name)
            assert counts[name] == _count(source, name), name
    return counts["work"]


def _count(database: Database, name: str) -> int:
    return int(next(iter(database.all(f"SELECT count(*) FROM {name}")))[0])


def _column_names(columns: str) -> list[str]:
    return [part.split()[0] for part in columns.split("PRIMARY KEY (")[0].split(",") if part.strip()]


def _groups(rows: Any) -> Iterator[list[Any]]:
    group: list[Any] = []
    for row in rows:
        group.append(row)
        if len(group) == _AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _leave(ledger: Path) -> None:
    """Aside, where nobody takes it for the ledger."""
    for suffix in ("-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink(missing_ok=True)  # the last connection has put all into the file
    os.replace(ledger, ledger.with_name(f"{ledger.name}.moved"))
