"""Which storage a home lies on: its own folder alone, or S3-compatible object storage, where the folder is then this host's scratch.

A home on storage has a small file that names the storage's address, never keys: those are the environment's alone. Light: nothing is
connected to.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError

VARIABLE = "SWAPTALK_STORAGE"
"""s3://bucket/prefix; empty or not set: a home lies where its own file says, a new one in its folder."""
_MARKER = "storage.json"
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[\w.=+-]+)*)")


@dataclass(frozen=True)
class Storage:
    """Where the tables and files of one home lie."""

    address: str
    """s3://bucket/prefix, without a slash at its end."""

    @property
    def bucket(self) -> str:
        return self.address.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        """Of all keys; empty, or with a slash at its end."""
        prefix = self.address.removeprefix("s3://").partition("/")[2]
        return f"{prefix}/" if prefix else ""

    def table(self, name: str) -> str:
        """Address of a Lance table."""
        return f"{self.address}/tables/{name}.lance"


def parsed(address: str, said: str = VARIABLE) -> Storage:
    """The storage of this address.

    Raises:
        UserError: it is none.
    """
    address = address.strip().rstrip("/")
    if not _ADDRESS.fullmatch(address):
        raise UserError(f"{said}: {address!r} is no address of a storage: write s3://bucket/prefix")
    return Storage(address)


def named_storage() -> Storage | None:
    """The storage that the environment names.

    Raises:
        UserError: it is no address.
    """
    address = os.environ.get(VARIABLE, "").strip()
    return parsed(address) if address else None


def marker_file(root: Path) -> Path:
    """The file in a home that says which storage it lies on."""
    return root / _MARKER


def storage_of(root: Path) -> Storage | None:
    """The storage that the home in this folder lies on; None: its folder is all there is of it.

    Raises:
        UserError: the home's file is damaged.
    """
    try:
        text = marker_file(root).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return parsed(json.loads(text)["storage"], str(marker_file(root)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{marker_file(root)}: damaged ({error}): remove it, and name the storage with {VARIABLE}"
        ) from None


def write_marker(root: Path, storage: Storage, place: Path | None = None) -> None:
    """Say in the home which storage it lies on.

    Args:
        place: of the file, where it is not to count yet.
    """
    with atomic_write(place or marker_file(root)) as aside:
        aside.write_text(json.dumps({"storage": storage.address}))


def home_folder_of(path: Path) -> Path | None:
    """The folder of the home on storage that this file belongs to; None: it belongs to none."""
    return next((folder for folder in path.absolute().parents if marker_file(folder).is_file()), None)
