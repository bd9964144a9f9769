"""The session that holds a block's locks, looked after while the block lasts: where the server was restarted, or the link was cut for a while, the
locks are taken again, unless somebody else has had them meanwhile.

Who was cut off is fenced out by the tokens (`postgres_locks.py`), whatever happens here: a session that is renewed only keeps others from taking what nobody
has taken yet, so that a restart of the server costs a training of days nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from swaptalk_models.data.store.postgres_home import PostgresHome

WATCH_S = 5.0
"""So often a session is looked at (s)."""
PATIENCE_S = 60.0
"""So long a server that was there before is waited for, by who needs it now (s)."""
ALONE, SHARED = "pg_try_advisory_lock", "pg_try_advisory_lock_shared"


@dataclass(eq=False)
class Session:
    """Locks of one block of this process."""

    home: PostgresHome
    connection: Any
    locks: dict[str, str] = field(default_factory=dict)
    """{name: ALONE or SHARED}"""
    tokens: dict[str, int] = field(default_factory=dict)
    """{stage: token}, of those held alone and of those that are read."""
    written: tuple[str, ...] = ()
    process: int = field(default_factory=os.getpid)
    lost: bool = False
    """Whether another has had one of the locks: they are not taken again."""
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def looked_after(self) -> Iterator[None]:
        """Within, the locks are taken again when they are lost."""
        threading.Thread(target=self._look_after, name="locks in Postgres", daemon=True).start()
        try:
            yield
        finally:
            with self._guard:
                self._ended.set()

    def renewed(self) -> None:
        """Have a connection that answers, if need be a new one, with the same locks unless they are ``lost``; a server that is not there is
        waited for.

        Raises:
            UserError: it does not come back.
        """
        until = time.monotonic() + PATIENCE_S
        while not self._answers() and not self._taken_again():
            if time.monotonic() > until:
                raise UserError(
                    f"{self.home.root}: the locks on {', '.join(self.locks)} were lost with the connection to the state's database, and could not be "
                    "taken again: what is finished is kept, run again to go on"
                )
            time.sleep(0.2)

    def _look_after(self) -> None:
        while not self._ended.wait(WATCH_S):
            if not self._answers():
                self._taken_again()

    def _answers(self) -> bool:
        import psycopg2

        with self._guard:
            if self._ended.is_set():
                return True  # nobody's any more
            try:
                self.connection.cursor().execute("SELECT 1")
            except psycopg2.Error:
                return False
            return True

    def _taken_again(self) -> bool:
        """By a new connection, which takes the old one's place. False: not yet."""
        import psycopg2

        try:
            connection = self.home.connect()
        except UserError:
            return False
        try:
            done = self._take_all(connection.cursor())
        except psycopg2.Error:
            done = False
        with self._guard:
            if not done or self._ended.is_set():
                connection.close()
                return False
            self.connection, before = connection, self.connection
        before.close()
        return True

    def _take_all(self, cursor: Any) -> bool:
        cursor.execute(f"BEGIN; SELECT pg_advisory_xact_lock({self.home.key('')})")
        cursor.execute("SELECT stage, token FROM locks WHERE stage = ANY(%s)", ([*self.tokens],))
        if dict(cursor.fetchall()) != self.tokens:  # somebody else has had one
            self.lost = True
            cursor.execute("ROLLBACK")
            return True
        for name, function in self.locks.items():
            cursor.execute(f"SELECT {function}(%s)", (self.home.key(name),))
            if not cursor.fetchone()[0]:  # another's; or our own lost session's, of which the server does not know yet
                return False
        cursor.execute("COMMIT")  # the locks are the session's, and stay
        return True


def reconnected(home: PostgresHome) -> Any:
    """A new connection; a server that was there before is waited for.

    Raises:
        UserError: it does not come back.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return home.connect()
        except UserError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
