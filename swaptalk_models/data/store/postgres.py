"""A connection to the database that keeps state. Whatever is wrong with it is one line, without its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from swaptalk_models.data.store.state_store import NOT_READABLE, VARIABLE
from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

OLDEST_SERVER = 14
"""Major version."""
_CONNECT_S = 10
# A driver whose host or link has died keeps its locks until the server notices: after 10 + 3 * 5 s of silence.
_ALIVE = {"keepalives": "1", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
# And it notices itself, what it asks meanwhile included: of what was sent and not answered for, the system would try for a quarter of an hour.
_ALIVE |= {"tcp_user_timeout": "25000"}
_SESSION = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",  # a training holds its lock for days, in silence
    "idle_in_transaction_session_timeout": "60s",  # a stopped driver shall not stop the others
}
_checked: set[str] = set()


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
    if address not in _checked:
        try:
            _check_server(address, connection)
        except UserError:
            connection.close()
            raise
        _checked.add(address)
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


def forget_servers() -> None:
    """Look at each server anew at the next connection."""
    _checked.clear()


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
