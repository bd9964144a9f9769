"""How Postgres does what the ledger asks of a database, and how it refuses a driver that was cut off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from swaptalk_models.data.store.database import Row
from swaptalk_models.data.store.postgres import told
from swaptalk_models.data.store.postgres_home import PostgresHome
from swaptalk_models.data.store.postgres_locks import refuse_if_cut_off
from swaptalk_models.data.store.postgres_session import reconnected

_AT_ONCE = 1000
"""Rows in one statement."""
_VALUES = re.compile(r"VALUES \([?, ]+\)")


class PostgresDatabase:
    """A ledger in a schema."""

    by_video = ""

    def __init__(self, home: PostgresHome):
        self._home = home
        self.connection = home.borrow()
        self._within = False  # a transaction

    def all(self, statement: str, values: Sequence[Any] = ()) -> Iterable[Row]:
        with told(self._home.address), self._executed(statement.replace("?", "%s"), _fit(values)) as cursor:
            return cursor.fetchall() if cursor.description else []

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        from psycopg2.extras import execute_batch, execute_values

        inserts = _VALUES.search(statement)
        with told(self._home.address), self.connection.cursor() as cursor:
            if inserts:
                execute_values(cursor, _VALUES.sub("VALUES %s", statement), map(_fit, rows), page_size=_AT_ONCE)
            else:
                execute_batch(cursor, statement.replace("?", "%s"), map(_fit, rows), page_size=_AT_ONCE)

    @contextmanager
    def transaction(self, durable: bool = True) -> Iterator[None]:
        """UserError: a lock that this process holds has meanwhile been another's."""
        relaxed = "" if durable else "SET LOCAL synchronous_commit TO OFF;"
        # One writer at a time, as in SQLite; whoever takes a lock waits here as well, so that what is checked below holds
        # until the end.
        begin = f"BEGIN; {relaxed} SELECT pg_advisory_xact_lock({self._home.key('')})"
        with told(self._home.address), self._executed(begin) as cursor:
            self._within = True
            try:
                refuse_if_cut_off(self._home, cursor)
                yield
            except BaseException:
                if not self.connection.closed:
                    cursor.execute("ROLLBACK")
                raise
            finally:
                self._within = False
            cursor.execute("COMMIT")

    @contextmanager
    def _executed(self, statement: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """A cursor that has done this. Between transactions nothing is lost with a connection: it is made anew."""
        import psycopg2

        try:
            cursor = self.connection.cursor()
            cursor.execute(statement, values)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            if self._within:
                raise
            self.connection.close()
            self.connection = reconnected(self._home)
            cursor = self.connection.cursor()
            cursor.execute(statement, values)
        with cursor:
            yield cursor

    def among(self, column: str, values: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
        if values:
            yield f"{column} = ANY(?)", [list(values)]

    def close(self) -> None:
        self._home.give_back(self.connection)


def _fit(values: Sequence[Any]) -> tuple[Any, ...]:
    """Postgres's texts hold no NUL, which what a decoder says may."""
    return tuple(
        value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) and "\0" in value else value
        for value in values
    )
