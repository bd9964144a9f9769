"""Locks of a home whose state lies in Postgres, over all hosts: advisory locks, each with a token that rises whenever somebody takes it to write.

The server drops the locks of a connection that ends, so none is ever stale. Who has lost its connection takes them again where nobody else has
(`postgres_session.py`). But a driver that was cut off may not know yet and go on: every transaction of the ledger first compares the tokens of the locks that its process holds, and is refused where one has risen.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from swaptalk_models.data.store.locks import at_work
from swaptalk_models.data.store.postgres import shown, told
from swaptalk_models.data.store.postgres_home import PostgresHome
from swaptalk_models.data.store.postgres_session import ALONE, SHARED, Session
from swaptalk_models.errors import UserError

# A busy server needs a moment to see that a process has died.
_LATE_S = 0.25
_DEAD_S = 10.0
_SETTLES_S = 60.0  # until who lives has its locks again after a restart of the server
_all_held: list[Session] = []


class PostgresLocks:
    """Each block has a connection of its own: with it its locks end, however that may be."""

    def __init__(self, home: PostgresHome):
        self._home = home

    @contextlib.contextmanager
    def writing(self, stage: str, reads: tuple[str, ...]) -> Iterator[bool]:
        with self._taken((stage,), reads, written=(stage,)) as (held, unclean):
            yield bool(unclean)
            held.renewed()
            with told(self._home.address), held.connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE locks SET clean = TRUE WHERE stage = %s AND token = %s", (stage, held.tokens[stage])
                )
                if not cursor.rowcount:
                    refuse_if_cut_off(self._home, cursor)

    @contextlib.contextmanager
    def held(self, stages: tuple[str, ...]) -> Iterator[None]:
        with self._taken(stages, (), written=()):
            yield

    @contextlib.contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        with self._session({name: ALONE}) as held:
            with told(self._home.address), held.connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", (self._home.key(name),))
            with held.looked_after():
                yield

    def is_held(self, name: str) -> bool:
        with told(self._home.address), self._connection() as connection:
            cursor, began = connection.cursor(), time.monotonic()
            while time.monotonic() - began < _LATE_S:
                cursor.execute("SELECT pg_try_advisory_lock_shared(%s)", (self._home.key(name),))
                if cursor.fetchone()[0]:
                    return False
                time.sleep(0.02)
            return True

    def settled(self) -> bool:
        with told(self._home.address), self._connection() as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())")
            return bool(cursor.fetchone()[0] > _SETTLES_S)

    def confirm(self) -> None:
        if any(held.home.schema == self._home.schema for held in _all_held):
            with told(self._home.address), self._connection() as connection:
                refuse_if_cut_off(self._home, connection.cursor())

    @contextlib.contextmanager
    def fenced(self) -> Iterator[None]:
        with self._connection() as connection, connection.cursor() as cursor:
            with told(self._home.address):
                # Whoever takes a lock waits for this one.
                cursor.execute(f"BEGIN; SELECT pg_advisory_xact_lock({self._home.key('')})")
                refuse_if_cut_off(self._home, cursor)
            yield  # the connection is given back without the lock

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        """Of the block's own: whoever holds the same lock in this process is another."""
        connection = self._home.borrow()
        try:
            yield connection
        finally:
            self._home.give_back(connection)

    @contextlib.contextmanager
    def _session(self, locks: dict[str, str], written: tuple[str, ...] = ()) -> Iterator[Session]:
        held = Session(self._home, self._home.borrow(), locks, written=written)
        try:
            yield held
        finally:
            self._home.give_back(held.connection)

    @contextlib.contextmanager
    def _taken(
        self, alone: tuple[str, ...], shared: tuple[str, ...], written: tuple[str, ...]
    ) -> Iterator[tuple[Session, list[str]]]:
        """(the session that holds them, those of ``written`` whose last writer did not end well)."""
        home = self._home
        with self._session(dict.fromkeys(shared, SHARED) | dict.fromkeys(alone, ALONE), written) as held:
            with told(home.address), held.connection.cursor() as cursor:
                for name, function in reversed(held.locks.items()):  # those that are held alone come first
                    self._take(cursor, name, function)
                unclean = _raise_tokens(home, cursor, held, alone, shared)
            _all_held.append(held)
            try:
                with held.looked_after():
                    yield held, unclean
            finally:
                _all_held.remove(held)

    def _take(self, cursor: Any, name: str, function: str) -> None:
        began = time.monotonic()
        while True:
            cursor.execute(f"SELECT {function}(%s)", (self._home.key(name),))
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT holder FROM locks WHERE stage = %s", (name,))
            row = cursor.fetchone()
            holder = row[0] if row else ""
            if time.monotonic() - began > (_DEAD_S if _is_dead(holder) else _LATE_S):
                raise at_work(holder, name, self._home.root)
            time.sleep(0.01)


def _is_dead(holder: str) -> bool:
    """Whether it was a process of this host, and is no more."""
    process, _, host = holder.partition(" on ")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def refuse_if_cut_off(home: PostgresHome, cursor: Any) -> None:
    """UserError: a lock that this process holds was taken by another since. What it may have written without the ledger's knowing
    is made known to the next."""
    mine = [held for held in _all_held if held.home.schema == home.schema and held.process == os.getpid()]
    if not mine:
        return
    cursor.execute(
        "SELECT stage, token, holder FROM locks WHERE stage = ANY(%s)", ([s for h in mine for s in h.tokens],)
    )
    now = {stage: (token, holder) for stage, token, holder in cursor.fetchall()}
    lost = {stage: now[stage][1] for held in mine for stage, token in held.tokens.items() if now[stage][0] != token}
    if not lost:
        return
    written = sorted({stage for held in mine for stage in held.written})
    cursor.execute("ROLLBACK; UPDATE locks SET intruded = TRUE WHERE stage = ANY(%s)", (written,))
    stages, holders = ", ".join(sorted(lost)), ", ".join(sorted(set(lost.values())))
    raise UserError(
        f"{home.root}: this run was cut off from {shown(home.address)}, and another one (pid {holders}) has been at work on {stages} since: "
        "nothing more of this run is entered; run again when the other is done"
    )


def _raise_tokens(
    home: PostgresHome, cursor: Any, held: Session, alone: tuple[str, ...], shared: tuple[str, ...]
) -> list[str]:
    # The token must never be given twice: on disk before anything is done in its name, whatever the server's setting.
    cursor.execute(
        f"BEGIN; SET LOCAL synchronous_commit TO ON; SELECT pg_advisory_xact_lock({home.key('')});"
        "INSERT INTO locks SELECT stage, 0, '', TRUE, FALSE FROM unnest(%s::text[]) AS stage ON CONFLICT (stage) DO NOTHING;"
        "SELECT stage, token, clean AND NOT intruded FROM locks WHERE stage = ANY(%s)",
        ([*alone, *shared],) * 2,
    )
    found = {stage: (token, well) for stage, token, well in cursor.fetchall()}
    cursor.execute(
        "UPDATE locks SET token = token + 1, holder = %s WHERE stage = ANY(%s);"
        "UPDATE locks SET clean = FALSE, intruded = FALSE WHERE stage = ANY(%s); COMMIT",
        (f"{os.getpid()} on {socket.gethostname()}", list(alone), list(held.written)),
    )
    held.tokens = {stage: found[stage][0] + (stage in alone) for stage in (*alone, *shared)}
    return [stage for stage in held.written if not found[stage][1]]


def mark_unclean(connection: Any, stages: list[str]) -> None:
    """Note that the last writer of these did not end well."""
    connection.cursor().execute(
        "INSERT INTO locks SELECT stage, 1, '', FALSE, FALSE FROM unnest(%s::text[]) AS stage ON CONFLICT (stage) DO UPDATE SET clean = FALSE",
        (stages,),
    )


def unclean(connection: Any) -> list[str]:
    """Stages whose last writer did not end well, or is at work."""
    cursor = connection.cursor()
    cursor.execute("SELECT stage FROM locks WHERE NOT clean OR intruded ORDER BY stage")
    return [stage for (stage,) in cursor.fetchall()]
