"""A home on storage, as a host comes to it: an empty folder becomes the host's scratch of the home that is there, or of a new one.

The storage holds `home.json`, which says where the home's ledger lies: in a schema in Postgres, where any host may drive the home, or in
the one folder of one host. It is written once, by a conditional write: of two hosts that found a home at once, one joins the other's.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from swaptalk_models.data.store import state_store
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.levelling import pull
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.state_store import LEDGER_FILE, postgres_address
from swaptalk_models.data.store.storage_address import (
    VARIABLE,
    Storage,
    marker_file,
    named_storage,
    storage_of,
    write_marker,
)
from swaptalk_models.errors import UserError

RECORD = "home.json"
_LAYOUT = 1


@dataclass(frozen=True)
class Record:
    """What `home.json` says of the ledger: its schema in Postgres, or else whose folder holds it."""

    schema: str = ""
    host: str = ""
    inode: int = 0
    """Of the folder's `storage.json`: a copy of the folder is not the folder."""
    layout: int = _LAYOUT

    @property
    def where(self) -> str:
        """Of the ledger, in words."""
        return f"in Postgres (schema {self.schema})" if self.schema else f"in a folder of {self.host}"


def open_home(root: Path, begin: bool = False, ask: bool = True) -> Home:
    """The home in this folder. On a storage, the environment's or its own, the folder is made where it is not there, and is level with it.

    Args:
        begin: begin a home on a storage that holds none; False: a UserError.
        ask: False: what others have done since it was last level may be missing; quick.

    Raises:
        UserError: it cannot be made; it lies elsewhere than the environment says; its storage or its database cannot be used.
    """
    if named_storage() is None and storage_of(root) is None:
        return Home(root)
    fresh = storage_of(root) is None
    home = join(root, begin)
    if (ask or fresh) and (storage := storage_of(root)):
        _check_record(home, storage)
        pull(root)
    return home


def join(root: Path, begin: bool = True) -> Home:
    """The same, made where it is not there; but nothing is fetched, and a storage that the home has already is not asked."""
    named, own = named_storage(), storage_of(root)
    if named and own and named != own:
        raise UserError(
            f"{root}: lies on {own.address}, but {VARIABLE} names {named.address}: name another --home, or unset it"
        )
    home = Home(root)
    if named and own is None:
        if lies_in_folder(root):
            raise _local(root)
        _join(home, named, begin)
    return home.create()


def read_record(storage: Storage) -> Record | None:
    """What the storage says of the home on it; None: there is no home.

    Raises:
        UserError: the storage cannot be used, or was written by a later version.
    """
    text = ObjectStore(storage).read(RECORD)
    if text is None:
        return None
    try:
        record = Record(**json.loads(text))
    except (ValueError, TypeError):
        raise UserError(
            f"{storage.address}/{RECORD}: damaged, or of a later version of SwapTalk: upgrade this one"
        ) from None
    if record.layout > _LAYOUT:
        raise UserError(f"{storage.address}: its home was made by a later version of SwapTalk: upgrade this one")
    return record


def write_record(storage: Storage, record: Record, only_new: bool = True) -> bool:
    """Say where the ledger lies; False: somebody has said so already."""
    return ObjectStore(storage).write(RECORD, json.dumps(asdict(record)).encode(), only_new)


def take_over(home: Home) -> None:
    """Make this folder the one that holds the ledger of its storage: the other that was is gone for good.

    Raises:
        UserError: there is no ledger in it, or it lies on no storage.
    """
    storage = storage_of(home.root)
    if storage is None or not home.ledger.is_file():
        raise UserError(f"{home.root}: holds no ledger of a home on storage")
    write_record(storage, own_record(home.root), only_new=False)


def own_record(root: Path, marker: Path | None = None) -> Record:
    """That this folder holds the ledger, or the schema that it names.

    Args:
        marker: its `storage.json`, where that is not yet in its place.
    """
    if state_store.marker_file(root).is_file():
        return Record(schema=state_store.read_marker(root))
    return Record(host=socket.gethostname(), inode=os.stat(marker or marker_file(root)).st_ino)


def lies_in_folder(root: Path) -> bool:
    """Whether a home is here that lies on no storage."""
    return storage_of(root) is None and ((root / LEDGER_FILE).is_file() or (root / "tables").is_dir())


def _local(root: Path) -> UserError:
    """A home that has lain in its folder until now is not begun anew elsewhere."""
    return UserError(
        f"{root}: lies in its folder, but {VARIABLE} names a storage: `swaptalk storage --move-to s3 --home {root}` moves it "
        f"there; or unset {VARIABLE}"
    )


def _join(home: Home, storage: Storage, begin: bool) -> None:
    ObjectStore(storage).check()
    record, state = read_record(storage), state_store.marker_file(home.root)
    if state.is_file() and (record is None or state_store.read_marker(home.root) != record.schema):
        raise _local(home.root)
    if record is None and not begin:
        raise UserError(f"{storage.address}: holds no home yet: run `swaptalk run --home {home.root}` first")
    home.create()
    record = record or _founded(home, storage)
    if record is None:
        return  # this folder's
    if not record.schema:
        raise UserError(
            f"{storage.address}: its ledger lies in a folder of {record.host}: run there; a home that several hosts drive has its "
            f"ledger in Postgres ({state_store.VARIABLE})"
        )
    if postgres_address() is None:
        raise UserError(
            f"{storage.address}: its ledger lies in Postgres (schema {record.schema}): set {state_store.VARIABLE} to that database's "
            "address"
        )
    state_store.write_marker(home.root, record.schema, lambda aside: None, replace=True)
    write_marker(home.root, storage)


def _founded(home: Home, storage: Storage) -> Record | None:
    """Make a home on an empty storage; None: its ledger lies in this folder, which says so already."""
    address = postgres_address()
    if address is None:
        with atomic_write(marker_file(home.root)) as aside:
            aside.write_text(json.dumps({"storage": storage.address}))
            if not write_record(storage, own_record(home.root, aside)):
                raise UserError(f"{storage.address}: another host has just begun a home there")
        return None
    from swaptalk_models.data.store.postgres import connect
    from swaptalk_models.data.store.postgres_home import PostgresHome, create_schema, drop_schemas, own

    made = PostgresHome(home.root, state_store.new_schema(), address)
    with contextlib.closing(connect(address)) as connection:
        create_schema(made, connection)
        own(made, connection, storage=storage)
        if write_record(storage, Record(schema=made.schema)):
            return Record(schema=made.schema)
        drop_schemas(made, connection)
    return read_record(storage)


def _check_record(home: Home, storage: Storage) -> None:
    """Whether the storage still holds this home."""
    record = read_record(storage)
    if record is None:
        raise UserError(
            f"{storage.address}: holds no home ({RECORD} is missing), but {marker_file(home.root)} names it: was the bucket emptied?"
        )
    if record.schema and postgres_address() is None:
        raise UserError(
            f"{home.root}: its ledger lies in Postgres (schema {record.schema}): set {state_store.VARIABLE} to that database's address"
        )
    if record != own_record(home.root):
        raise UserError(
            f"{home.root}: does not hold the ledger of {storage.address}, which is {record.where}: two would spoil it; where that is gone for "
            f"good and this is its copy, `swaptalk storage --take-over --home {home.root}`"
        )
