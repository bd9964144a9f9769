"""A home's schema in Postgres: found or made, and connected to. Whatever is wrong with the database is one line, without its password.

Several homes may share a database: each has a schema of its own. A schema belongs to one folder: a copy of a home that went on writing
into the same ledger would spoil both.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swaptalk_models.data.store.database import INDEXES, TABLES
from swaptalk_models.data.store.state_store import (
    NOT_READABLE,
    VARIABLE,
    marker_file,
    new_schema,
    postgres_address,
    read_marker,
    schema_of,
    write_marker,
)
from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

OLDEST_SERVER = 14
"""Major version."""
LAYOUT = 1
"""Of the tables; raised when they change."""
_CONNECT_S = 10
# A driver whose host or link has died keeps its locks until the server notices: after 10 + 3 * 5 s of silence.
_ALIVE = {"keepalives": "1", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
_SESSION = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",  # a training holds its lock for days, in silence
    "idle_in_transaction_session_timeout": "60s",  # a stopped driver shall not stop the others
}
_OWN_TABLES = {
    # token: raised whenever somebody takes the lock to write. clean: its last writer ended well. intruded: one that was cut off
    # has written to the stage's table or files since.
    "locks": "stage TEXT PRIMARY KEY, token BIGINT, holder TEXT, clean BOOLEAN, intruded BOOLEAN",
    "home": "layout BIGINT, root TEXT, host TEXT, inode BIGINT",
}
_MOST_IDLE = 2
_checked: set[tuple[str, ...]] = set()
_idle: dict[tuple[int, str, str, str], list[Connection]] = {}


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
        if key not in _checked:
            with told(self.address):
                try:
                    _check_owner(self, connection)
                except BaseException:
                    connection.close()
                    raise
            _checked.add(key)
        return connection

    def borrow(self) -> Connection:
        """As ``connect``, but one that this process has given back, where there is one: a new one takes some 10 ms."""
        import psycopg2

        while idle := _idle.get(self._idle_key):
            connection = idle.pop()
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

        idle = _idle.setdefault(self._idle_key, [])
        try:
            # Said, although closing does the same: the server takes note of that some milliseconds later.
            connection.cursor().execute("ROLLBACK; SELECT pg_advisory_unlock_all()")
        except psycopg2.Error:
            connection.close()  # it was lost, and its locks with it
            return
        if len(idle) < _MOST_IDLE:
            idle.append(connection)
        else:
            connection.close()

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


def connect(address: str, schema: str = "") -> Connection:
    """A connection to the database, with this schema's tables, in which each statement is a transaction of its own.

    Raises:
        UserError: it cannot be used: what is wrong, and what mends it.
    """
    try:
        import psycopg2
    except ImportError:
        raise UserError(
            f"{VARIABLE} names a Postgres database, and the package for it is not installed: "
            "pip install 'swaptalk[postgres]'"
        ) from None
    parameters = _parameters(address)
    settings = _SESSION | ({"search_path": schema} if schema else {})
    options = [parameters.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())]
    wanted = {"connect_timeout": str(_CONNECT_S), "application_name": "swaptalk"} | _ALIVE | parameters
    try:
        connection = psycopg2.connect(**wanted | {"options": " ".join(filter(None, options))})
    except psycopg2.Error as error:
        raise UserError(f"{shown(address)}: cannot be reached as the state's database: {_line(error)}") from None
    connection.autocommit = True
    if (address,) not in _checked:
        try:
            _check_server(address, connection)
        except UserError:
            connection.close()
            raise
        _checked.add((address,))
    return connection


@contextmanager
def told(address: str) -> Iterator[None]:
    """Turns whatever befalls a connection in the block into a UserError."""
    import psycopg2

    try:
        yield
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise UserError(
            f"{shown(address)}: the connection to the state's database was lost ({_line(error)}): what is finished is kept, "
            "run again to go on"
        ) from None
    except psycopg2.errors.InsufficientPrivilege as error:
        raise UserError(
            f"{shown(address)}: {_line(error)}: its owner's `GRANT CREATE ON DATABASE ... TO ...` lets this user make schemas"
        ) from None


def shown(address: str) -> str:
    """The address for people: without password and parameters.

    Raises:
        UserError: it cannot be read as one.
    """
    found = _parameters(address)
    user = f"{found['user']}@" if found.get("user") else ""
    port = f":{found['port']}" if found.get("port") else ""
    return f"postgresql://{user}{found.get('host', '')}{port}/{found.get('dbname', '')}"


def server_version(connection: Connection) -> str:
    """As the server says it: 15.14."""
    return f"{connection.info.server_version // 10000}.{connection.info.server_version % 10000}"


def create_schema(home: PostgresHome, connection: Connection) -> None:
    """Make the home's two schemas and its tables, all or none; UserError: this user may not."""
    with told(home.address), connection.cursor() as cursor:
        # In the order of bytes, as SQLite's.
        text = 'TEXT COLLATE "C"'
        made = [
            f"CREATE TABLE {home.schema}.{name} ({columns.replace('TEXT', text)})"
            for name, columns in (TABLES | _OWN_TABLES).items()
        ]
        indexes = [
            index.replace("ON work", f"ON {home.schema}.work").replace("IF NOT EXISTS ", "") for index in INDEXES
        ]
        schemas = [f"CREATE SCHEMA {home.schema}", f"CREATE SCHEMA {home.dagster_schema}"]
        row = f"INSERT INTO {home.schema}.home (layout) VALUES ({LAYOUT})"
        cursor.execute("; ".join(["BEGIN", *schemas, *made, *indexes, row, "COMMIT"]))


def own(home: PostgresHome, connection: Connection, marker: Path | None = None) -> None:
    """Note that the schema is this folder's.

    Args:
        marker: the home's file, where it is not yet in its place.
    """
    values = (str(home.root.resolve()), socket.gethostname(), _inode(marker or marker_file(home.root)))
    with told(home.address), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {home.schema}.home SET root = %s, host = %s, inode = %s", values)


def drop_schemas(home: PostgresHome, connection: Connection, dagster: bool = True) -> None:
    """Remove the home's ledger from the database, and what its Dagster instance has kept there."""
    _checked.discard((home.address, home.schema, str(home.root)))
    with told(home.address), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {home.schema} CASCADE")
        if dagster:
            cursor.execute(f"DROP SCHEMA IF EXISTS {home.dagster_schema} CASCADE")


def forget_checks() -> None:
    """Look at server and schemas anew at the next connection."""
    _checked.clear()
    for idle in _idle.values():
        while idle:
            idle.pop().close()


def _parameters(address: str) -> dict[str, Any]:
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    try:
        return parse_dsn(address)
    except ProgrammingError:  # its words may hold a part of the password
        raise UserError(NOT_READABLE) from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "it is closed"


def _check_server(address: str, connection: Connection) -> None:
    if connection.info.server_version < OLDEST_SERVER * 10000:
        raise UserError(
            f"{shown(address)}: the server is Postgres {server_version(connection)}; the state wants {OLDEST_SERVER} or newer: "
            "upgrade it or name another"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UserError(
            f"{shown(address)}: the database is in {encoding}, which does not hold every name: make one with "
            "`createdb --encoding=UTF8 --template=template0 ...`"
        )


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
    here, name = str(home.root.resolve()), socket.gethostname()
    if (root, host) == (here, name):
        return
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


def _names(root: Path, schema: str) -> bool:
    """Whether there is a home in ``root`` whose state is in this schema."""
    try:
        return read_marker(root) == schema
    except (OSError, UserError):
        return False


def _inode(path: Path) -> int:
    number = os.stat(path).st_ino
    return number - (1 << 64) if number >= 1 << 63 else number
