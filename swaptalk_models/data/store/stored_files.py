"""The files of a home on its storage, by name: published when they are whole here, checked and fetched where they are not.

Of a home that lies in its folder alone, all of this does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import Storage, home_folder_of, storage_of
from swaptalk_models.data.store.stored_index import StoredFile, StoredIndex
from swaptalk_models.data.store.stored_trees import LARGE_TREES, LEVEL_TREES, files_here, name_below, stamp_of
from swaptalk_models.data.store.transfer import download, upload

_SETTLED_S = 3600.0


def publish(root: Path, paths: Iterable[Path]) -> None:
    """Publish these files of the home, all at once; one that is as the storage has it is passed over.

    Raises:
        UserError: as ``push``.
    """
    storage = storage_of(root)
    names = [name_below(root, path) for path in paths if path.is_file()] if storage else []
    if storage is None or not names:
        return
    with StoredIndex(root) as index:
        there = index.of(names)
        changed = [name for name in names if name not in there or there[name].stamp != stamp_of(root / name)]
        upload(root, storage, index, changed, there)


def withdraw(root: Path, path: Path) -> None:
    """Remove a file that has gone, or a folder with all that was in it, from the storage.

    Raises:
        UserError: as ``push``.
    """
    storage = storage_of(root)
    if storage is None:
        return
    name = name_below(root, path)
    with StoredIndex(root) as index:
        gone = index.of([name]) | index.under([name])
        if gone:
            index.change({}, gone)
            ObjectStore(storage).delete(file.key for file in gone.values())


def fetch(root: Path, paths: Iterable[Path]) -> None:
    """Have these files here as the storage has them. One that it has not is passed over, and so is one of the small trees that is here.

    Raises:
        UserError: the storage or the ledger cannot be used, or what it has is not what was published.
    """
    storage = storage_of(root)
    if storage is None:
        return
    names = [name_below(root, path) for path in paths if path.is_relative_to(root)]
    names = [name for name in names if name.partition("/")[0] in LARGE_TREES or not (root / name).is_file()]
    if names:
        with StoredIndex(root) as index:
            there = index.of(names)
        download(root, storage, [file for file in there.values() if file.stamp != stamp_of(root / file.path)])


def fetch_tree(root: Path, folder: Path) -> None:
    """Have all files of a folder here, however large, as ``fetch``."""
    if storage_of(root) is not None:
        with StoredIndex(root) as index:
            names = index.under([name_below(root, folder)])
        fetch(root, [root / name for name in names])


def present(path: Path) -> Path:
    """The same path, its file fetched if it belongs to a home on storage and is not on this host."""
    if not path.is_file() and (folder := home_folder_of(path)) is not None:
        fetch(folder, [path.absolute()])
    return path


def stored_path(root: Path, candidates: Iterable[Path]) -> Path | None:
    """The first of these files that the storage has."""
    if storage_of(root) is None:
        return None
    names = {name_below(root, path): path for path in candidates}
    with StoredIndex(root) as index:
        there = index.of(names)
    return next((path for name, path in names.items() if name in there), None)


class StoredNames:
    """Whether files are on the storage, though not here. A tree is asked for once, when its first file is missed."""

    def __init__(self, root: Path):
        self._root, self._on_storage = root, storage_of(root) is not None
        self._trees: dict[str, set[str]] = {}

    def __contains__(self, path: Path) -> bool:
        if not self._on_storage or not path.is_relative_to(self._root):
            return False
        name = name_below(self._root, path)
        tree = name.partition("/")[0]
        if tree not in self._trees:
            with StoredIndex(self._root) as index:
                self._trees[tree] = set(index.under([tree]))
        return name in self._trees[tree]


def publish_all(root: Path, storage: Storage) -> list[StoredFile]:
    """Publish every file of the home, on a storage that it does not name yet. Gives all that is there then."""
    names = [name for name, _ in files_here(root, LEVEL_TREES + LARGE_TREES)]
    with StoredIndex(root) as index:
        there = {path: file for path, file in index.of(names).items() if ObjectStore(storage).has(file.key)}
        changed = [name for name in names if name not in there or there[name].stamp != stamp_of(root / name)]
        upload(root, storage, index, changed, there, "files")
        return list(index.all().values())


def fetch_all(root: Path) -> list[StoredFile]:
    """Have every file here that the storage has. Gives them."""
    storage = storage_of(root)
    assert storage is not None
    with StoredIndex(root) as index:
        files = list(index.all().values())
    download(root, storage, [file for file in files if file.stamp != stamp_of(root / file.path)], "files")
    return files


def reclaim(root: Path, older_than_s: float = _SETTLED_S) -> int:
    """Remove objects that the index does not name: what killed publishers have left. Returns their bytes.

    Args:
        older_than_s: younger ones may be on their way into the index.
    """
    storage = storage_of(root)
    if storage is None:
        return 0
    store, latest = ObjectStore(storage), time.time() - older_than_s
    found = [one for one in store.listed("files/") if one.modified_at <= latest]
    with StoredIndex(root) as index:
        named = {file.key for file in index.all().values()}
    left = [one for one in found if one.key not in named]
    store.delete(one.key for one in left)
    return sum(one.size for one in left)


def stored_size(root: Path, tree: str) -> int:
    """Bytes of a tree's files on the storage."""
    with StoredIndex(root) as index:
        return sum(file.size for file in index.under([tree]).values())
