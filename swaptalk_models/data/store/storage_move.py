"""Moving a home onto storage and back. Nothing is there for anybody until all of it is; called again after a kill, it goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.state_store import postgres_address
from swaptalk_models.data.store.storage_address import Storage, marker_file, storage_of, write_marker
from swaptalk_models.data.store.storage_home import RECORD, own_record, read_record, write_record
from swaptalk_models.data.store.stored_files import fetch_all, publish_all
from swaptalk_models.data.store.stored_index import StoredIndex
from swaptalk_models.data.store.transfer import at_once
from swaptalk_models.errors import UserError

MOVED = "tables.moved"
_COMING = "tables.coming"
_ALWAYS = 1 << 16
"""Bytes below which a file of a table is copied again: its small ones may change without becoming larger."""
_TABLES = "tables/"


def move_to_storage(home: Home, storage: Storage, stages: Sequence[str]) -> tuple[int, int]:
    """Copy tables and files of ``home`` to an empty storage, and leave the tables beside it as `tables.moved`.

    Args:
        stages: all that may be written: nobody writes them meanwhile.

    Returns:
        (files, bytes) that are there now.

    Raises:
        UserError: it lies on storage already; there is another home; a run is at work; the storage cannot be used.
    """
    store, marker, begun = ObjectStore(storage), marker_file(home.root), home.root / ".storage.json.coming"
    if (own := storage_of(home.root)) is not None:
        raise UserError(f"{home.root}: lies on {own.address} already")
    store.check()
    with home.held(*stages):
        if not begun.is_file():
            write_marker(home.root, storage, begun)
        mine, record = own_record(home.root, begun), read_record(storage)
        if record not in (None, mine):
            raise UserError(f"{storage.address}: another home lies there: name another prefix")
        tables = _copy_tables(home, store)
        files = [file.size for file in publish_all(home.root, storage)]
        if record is None and not write_record(storage, mine):
            raise UserError(f"{storage.address}: another home has just been begun there: name another prefix")
        os.replace(begun, marker)
        if home.tables.is_dir():
            shutil.rmtree(home.root / MOVED, ignore_errors=True)
            os.replace(home.tables, home.root / MOVED)
    _own_in_postgres(home)
    return len(tables) + len(files), sum(tables) + sum(files)


def move_home(home: Home, stages: Sequence[str]) -> tuple[int, int]:
    """Bring tables and files of ``home`` back into its folder. The objects stay where they are, but no home is there any more.

    Returns:
        (files, bytes) that are here now.

    Raises:
        UserError: it lies on no storage; a run is at work; the storage cannot be used.
    """
    storage, coming = storage_of(home.root), home.root / _COMING
    if storage is None:
        raise UserError(f"{home.root}: lies in its folder")
    store = ObjectStore(storage)
    with home.held(*stages):
        files = [file.size for file in fetch_all(home.root)]
        tables = {one.key: one.size for one in store.listed(_TABLES)}
        at_once(lambda key: _bring(store, key, tables[key], coming / key.removeprefix(_TABLES)), tables, "tables")
        for path in [path for path in coming.rglob("*") if path.is_file()]:
            if f"{_TABLES}{path.relative_to(coming).as_posix()}" not in tables:
                path.unlink()  # of an earlier try, and gone since
        if coming.is_dir():
            shutil.rmtree(home.tables, ignore_errors=True)
            os.replace(coming, home.tables)
        marker_file(home.root).unlink()
        with StoredIndex(home.root) as index:  # not before: who is level with an empty index has no files
            index.change({}, index.all())
    _own_in_postgres(home)
    store.delete([RECORD])
    return len(tables) + len(files), sum(tables.values()) + sum(files)


def _copy_tables(home: Home, store: ObjectStore) -> list[int]:
    """Make the storage's tables what those of the folder are. Gives the sizes of all files."""
    here = {
        f"{_TABLES}{path.relative_to(home.tables).as_posix()}": path
        for path in home.tables.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    there = {one.key: one.size for one in store.listed(_TABLES)}
    sizes = {key: path.stat().st_size for key, path in here.items()}
    missing = [key for key, size in sizes.items() if size < _ALWAYS or there.get(key) != size]
    at_once(lambda key: _send(store, key, here[key]), missing, "tables")
    store.delete(there.keys() - here.keys())
    return list(sizes.values())


def _send(store: ObjectStore, key: str, path: Path) -> None:
    with open(path, "rb") as opened:
        store.upload(key, opened)


def _bring(store: ObjectStore, key: str, size: int, path: Path) -> None:
    if size >= _ALWAYS and path.is_file() and path.stat().st_size == size:
        return
    pieces = store.pieces(key)
    if pieces is None:
        raise UserError(f"{store.storage.address}/{key}: has gone while the home was moved: move it again")
    with atomic_write(path) as aside, open(aside, "wb") as opened:
        opened.writelines(pieces)
    if path.stat().st_size != size:
        raise UserError(f"{path}: was not brought whole from {store.storage.address}/{key}: move it again")


def _own_in_postgres(home: Home) -> None:
    """Note in the ledger's database whether it is the folder's now, or the storage's."""
    if postgres_address() is None:
        return
    from swaptalk_models.data.store.postgres import connect
    from swaptalk_models.data.store.postgres_home import PostgresHome, own
    from swaptalk_models.data.store.state_store import read_marker

    address = postgres_address()
    assert address is not None
    with contextlib.closing(connect(address)) as connection:
        own(PostgresHome(home.root, read_marker(home.root), address), connection)
