"""Files of a home on their way to its storage and back: whole, entered in the index at once, and held against their hashes."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.fingerprint import DIGEST_BYTES, hash_opened
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import Storage
from swaptalk_models.data.store.stored_index import StoredFile, StoredIndex
from swaptalk_models.data.store.stored_trees import stamp_of
from swaptalk_models.errors import UserError

_AT_ONCE = 8  # files on their way
Given = TypeVar("Given")
Got = TypeVar("Got")


def upload(
    root: Path,
    storage: Storage,
    index: StoredIndex,
    names: Iterable[str],
    there: Mapping[str, StoredFile],
    said: str = "",
) -> dict[str, StoredFile]:
    """Upload these files of the home, then enter all at once, then remove the objects that they replace. Gives what was entered; a file
    that changes meanwhile is left out.

    Args:
        there: what the index holds of them.
        said: as ``at_once``.
    """
    store = ObjectStore(storage)
    done = at_once(lambda name: _uploaded(root, store, name, there.get(name)), names, said)
    entered = {file.path: file for file in done if file is not None}
    if entered:
        index.change(entered)
        old = (there[path].key for path, file in entered.items() if path in there and there[path].key != file.key)
        store.delete(old)
    return entered


def _uploaded(root: Path, store: ObjectStore, name: str, before: StoredFile | None) -> StoredFile | None:
    """The file as it is on the storage now; None: it was removed or written to meanwhile, and is another time's."""
    path = root / name
    try:
        with open(path, "rb") as opened:
            stat = os.fstat(opened.fileno())
            file = StoredFile(name, stat.st_size, stat.st_mtime_ns, hash_opened(opened))
            if before is None or before.hash != file.hash:
                opened.seek(0)
                store.upload(file.key, opened)
    except FileNotFoundError:
        return None
    return file if stamp_of(path) in (file.stamp, None) else None


def download(root: Path, storage: Storage, files: Iterable[StoredFile], said: str = "") -> None:
    """Fetch these files into the home, each held against its hash.

    Raises:
        UserError: the storage cannot be used, or what it has is not what was published.
    """
    store = ObjectStore(storage)
    at_once(lambda file: _downloaded(root, store, file), files, said)


def _downloaded(root: Path, store: ObjectStore, file: StoredFile) -> None:
    pieces, digest = store.pieces(file.key), hashlib.blake2b(digest_size=DIGEST_BYTES)
    if pieces is None:
        with StoredIndex(root) as index:
            now = index.of([file.path]).get(file.path)
        if now != file:  # replaced or removed since the index was read
            if now is not None:
                _downloaded(root, store, now)
            return
        raise UserError(
            f"{store.storage.address}/{file.key}: the ledger knows of it, and it is not there: was the bucket emptied or put back from a "
            "backup of another day?"
        )
    with atomic_write(root / file.path) as aside:
        with open(aside, "wb") as opened:
            for piece in pieces:
                opened.write(piece)
                digest.update(piece)
        if digest.hexdigest() != file.hash:
            raise UserError(f"{store.storage.address}/{file.key}: differs from its hash: damaged on the storage")
        os.utime(aside, ns=(file.mtime_ns, file.mtime_ns))


def at_once(work: Callable[[Given], Got], items: Iterable[Given], said: str = "") -> list[Got]:
    """The work on all, some at a time; the first error ends it.

    Args:
        said: beside a bar that shows how many are done; empty: none is shown.
    """
    some = list(items)
    pool = ThreadPoolExecutor(max(1, min(_AT_ONCE, len(some))), "stored files")
    bar = tqdm(pool.map(work, some), said, len(some), unit="file", disable=None if said else True, file=sys.stderr)
    try:
        return list(bar)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
