"""Where the tables of a home lie: folders in it, or prefixes of its storage. What is in them is Lance's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.object_store import ObjectStore, lance_options
from swaptalk_models.data.store.storage_address import storage_of


def address(home: Home, name: str) -> str:
    """Where Lance finds a table: a path, or an address on the home's storage."""
    storage = storage_of(home.root)
    return storage.table(name) if storage else str(home.table(name))


def options(home: Home) -> dict[str, str] | None:
    """Lance's storage options for it."""
    return lance_options() if storage_of(home.root) else None


def folders(home: Home) -> list[str]:
    """Names of the tables that there are, or were begun."""
    storage = storage_of(home.root)
    if storage is None:
        return sorted(path.stem for path in home.tables.glob("*.lance"))
    return sorted(Path(name).stem for name in ObjectStore(storage).folders("tables/"))


def manifests(home: Home, name: str) -> Iterator[str]:
    """File names of the versions of a table; none: it is none, or yet to be."""
    storage, folder = storage_of(home.root), "_versions/"
    if storage is None:
        yield from (path.name for path in (home.table(name) / folder).glob("*.manifest"))
        return
    for found in ObjectStore(storage).listed(f"{_prefix(name)}{folder}"):
        if found.key.endswith(".manifest"):
            yield Path(found.key).name


def file_sizes(home: Home, name: str) -> dict[str, int]:
    """{file below the table's folder: bytes}, of all versions and of what belongs to none."""
    storage, folder = storage_of(home.root), home.table(name)
    if storage is None:
        return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    skip = len(_prefix(name))
    return {found.key[skip:]: found.size for found in ObjectStore(storage).listed(_prefix(name))}


def remove(home: Home, name: str) -> None:
    """Remove all of a table."""
    storage = storage_of(home.root)
    if storage is None:
        shutil.rmtree(home.table(name), ignore_errors=True)
        return
    store = ObjectStore(storage)
    for part in ("_versions/", ""):  # first its versions: what a kill leaves is no table any more
        store.delete([found.key for found in store.listed(_prefix(name) + part)])


def _prefix(name: str) -> str:
    return f"tables/{name}.lance/"
