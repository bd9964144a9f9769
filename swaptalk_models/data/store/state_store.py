"""Where a home keeps its state, the ledger and the locks: in the home itself, or in the Postgres database that one variable names.

A home whose state lies in Postgres has a small file that names its schema there, never the database's address: that, with its
password, is the environment's alone. Light: nothing is connected to.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from swaptalk_models.errors import UserError

VARIABLE = "SWAPTALK_STATE"
"""postgresql://user:password@host:port/database; empty or not set: the home itself."""
LEDGER_FILE = "ledger.sqlite"
_MARKER = "state_in_postgres.json"
_SCHEMES = ("postgresql://", "postgres://")
_PARTS = re.compile(r"\w+://([^@/?#\s]*@)?[^@?#\s]*(\?[^@#\s]*)?")
NOT_READABLE = (
    f"{VARIABLE}: cannot be read as an address: letters like @ : / % # in a password are written %40 %3A %2F %25 %23"
)


def postgres_address() -> str | None:
    """The database's address, with all its secrets; None: homes keep their own state.

    Raises:
        UserError: it is no address of a Postgres database.
    """
    address = os.environ.get(VARIABLE, "").strip()
    if address and not address.startswith(_SCHEMES):  # not shown: there may be a password in it
        raise UserError(
            f"{VARIABLE}: is no address of a Postgres database: write postgresql://user:password@host:5432/database, "
            "or unset it for SQLite"
        )
    if address and not _PARTS.fullmatch(
        address
    ):  # else a part of the password is taken for the host, and shown as such
        raise UserError(NOT_READABLE)
    return address or None


def marker_file(root: Path) -> Path:
    """The file in a home that says that its state lies in Postgres, and in which schema."""
    return root / _MARKER


def has_ledger(root: Path) -> bool:
    """Whether anything was ever entered in this home's ledger.

    Raises:
        UserError: as ``schema_of``.
    """
    return schema_of(root) is not None if postgres_address() else _sqlite_is_right(root)


def schema_of(root: Path) -> str | None:
    """The schema that holds this home's state, where ``VARIABLE`` names a database; None: it has none there yet, or the state lies in
    the home.

    Raises:
        UserError: the home's state lies in the other place than ``VARIABLE`` says, or the home's file is damaged.
    """
    marker = marker_file(root)
    if postgres_address() is None:
        _sqlite_is_right(root)
        return None
    if marker.is_file():
        return read_marker(root)
    if (root / LEDGER_FILE).is_file():
        raise UserError(
            f"{root}: its ledger is {LEDGER_FILE}, but {VARIABLE} names a Postgres database: "
            f"`swaptalk state --move-to postgres --home {root}` moves it there; or unset {VARIABLE}"
        )
    return None


def read_marker(root: Path) -> str:
    """The schema that the home's file names.

    Raises:
        UserError: it names none.
    """
    try:
        schema = json.loads(marker_file(root).read_text())["schema"]
        if not isinstance(schema, str) or not schema.isidentifier() or not schema.islower():
            raise ValueError(f"{schema!r} is no schema")
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{marker_file(root)}: damaged ({error}): put its copy from a backup back") from None
    return schema


def new_schema() -> str:
    """A name that no other home has."""
    return f"swaptalk_{secrets.token_hex(6)}"


def write_marker(root: Path, schema: str, before: Callable[[Path], None], replace: bool = False) -> bool:
    """Name the schema in the home. False: another process was faster, and its file stands.

    Args:
        before: called with the file as it will be, aside, just before it appears.
        replace: put it in the place of one that is there.
    """
    marker = marker_file(root)
    aside = marker.with_name(f".{marker.name}.{os.getpid()}.part")
    aside.write_text(json.dumps({"schema": schema}))
    try:
        before(aside)
        if replace:
            os.replace(aside, marker)
            return True
        try:
            os.link(aside, marker)  # unlike a rename, fails where there is one
        except FileExistsError:
            return False
        return True
    finally:
        aside.unlink(missing_ok=True)


def _sqlite_is_right(root: Path) -> bool:
    """Whether there is a ledger in the home."""
    if marker_file(root).is_file():
        raise UserError(
            f"{root}: its ledger lies in Postgres (schema {read_marker(root)}): set {VARIABLE} to that database's address; "
            f"`swaptalk state --move-to sqlite --home {root}` then brings it back into the home"
        )
    return (root / LEDGER_FILE).is_file()
