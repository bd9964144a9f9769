"""The files of a home on its storage: published when they are whole here, checked and fetched where they are not.

Small trees (models, releases, reports, records) are brought level whenever the home is held: what another host has published is fetched,
what this one has made is published when it lets go. Large files come when they are asked for: ``fetch``, ``present``. Of a home that lies
in its folder alone, all of this does nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.fingerprint import DIGEST_BYTES, hash_opened
from swaptalk_models.data.store.locks import FileLocks
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import Storage, home_folder_of, storage_of
from swaptalk_models.data.store.stored_index import Stamp, StoredFile, StoredIndex
from swaptalk_models.errors import UserError

LEVEL_TREES = ("catalog", "hdtf", "snapshots", "models", "evaluation", "releases", "studies", "ablations")
"""Folders that are brought level."""
LEVEL_FILES = ("state.json", "precheck.json", "fingerprints.parquet")
"""And files of the home itself."""
LARGE_TREES = ("clips", "videos", "phantom")
"""Folders whose files are published and fetched by name."""
SMALL = 1 << 20
"""Bytes up to which any file of ``LEVEL_TREES`` comes without being asked for; of larger ones all but ..."""
WHEN_USED = (".safetensors", ".pt", ".arrow", ".mp4", ".wav")
"""... these: whoever reads one asks for it."""
_AT_ONCE = 8  # files on their way
_SETTLED_S = 3600.0
_LEVEL = "stored.json"
"""{path: [size, mtime_ns]} of the files of ``LEVEL_TREES`` that are here as they are, or were, on the storage."""
_LOCK = "stored"
Held = TypeVar("Held")
Given = TypeVar("Given")
Got = TypeVar("Got")


@contextmanager
def level(root: Path, lock: AbstractContextManager[Held]) -> Iterator[Held]:
    """Hold a lock of the home; the small trees are level when it is taken, and published before it is let go. After an error what
    is whole is published all the same."""
    with lock as held:
        if storage_of(root) is None:
            yield held
            return
        pull(root)
        try:
            yield held
        except BaseException:
            with contextlib.suppress(UserError):  # the first fault is the one to be told
                push(root)
            raise
        push(root)


def pull(root: Path) -> None:
    """Fetch what others have published of the small trees, and remove what they have removed.

    What was changed here and there alike is as the storage has it.

    Raises:
        UserError: the storage or the ledger cannot be used.
    """
    storage = storage_of(root)
    if storage is None:
        return
    with _alone(root), StoredIndex(root) as index:
        there, seen = _level_files(index), _read_level(root)
        before, wanted = dict(seen), []
        for path, file in there.items():
            here, last = _stamp(root / path), seen.get(path)
            if here == file.stamp:
                seen[path] = file.stamp
            elif here is None:
                if file.size <= SMALL or not path.endswith(WHEN_USED):
                    wanted.append(file)
            elif last is None or file.stamp != last:
                wanted.append(file)
        for path in seen.keys() - there.keys():
            if _stamp(root / path) == seen.pop(path):
                (root / path).unlink(missing_ok=True)
        _fetch_all(root, storage, wanted)
        seen |= {file.path: file.stamp for file in wanted}
        if seen != before:
            _write_level(root, seen)


def push(root: Path) -> None:
    """Publish what is new or changed here in the small trees, all of it at once.

    Raises:
        UserError: the storage or the ledger cannot be used, or what this process holds has meanwhile been another's.
    """
    storage = storage_of(root)
    if storage is None:
        return
    with _alone(root), StoredIndex(root) as index:
        there, seen = _level_files(index), _read_level(root)
        before = dict(seen)
        changed = []
        for path, stamp in _files_here(root):
            if path in there and there[path].stamp == stamp:
                seen[path] = stamp
            elif seen.get(path) != stamp:  # else others have changed or removed it since
                changed.append(path)
        entered = _publish(root, storage, index, changed, there)
        seen |= {path: file.stamp for path, file in entered.items()}
        if seen != before:
            _write_level(root, seen)


def publish(root: Path, paths: Iterable[Path]) -> None:
    """Publish these files of the home, all at once; one that is as the storage has it is passed over.

    Raises:
        UserError: as ``push``.
    """
    storage = storage_of(root)
    names = [_name(root, path) for path in paths if path.is_file()] if storage else []
    if storage is None or not names:
        return
    with StoredIndex(root) as index:
        there = index.of(names)
        changed = [name for name in names if name not in there or there[name].stamp != _stamp(root / name)]
        _publish(root, storage, index, changed, there)


def withdraw(root: Path, path: Path) -> None:
    """Remove a file that has gone, or a folder with all that was in it, from the storage.

    Raises:
        UserError: as ``push``.
    """
    storage = storage_of(root)
    if storage is None:
        return
    name = _name(root, path)
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
    names = [_name(root, path) for path in paths if path.is_relative_to(root)]
    names = [name for name in names if name.partition("/")[0] in LARGE_TREES or not (root / name).is_file()]
    if names:
        with StoredIndex(root) as index:
            there = index.of(names)
        _fetch_all(root, storage, [file for file in there.values() if file.stamp != _stamp(root / file.path)])


def fetch_tree(root: Path, folder: Path) -> None:
    """Have all files of a folder here, however large, as ``fetch``."""
    if storage_of(root) is not None:
        with StoredIndex(root) as index:
            names = index.under([_name(root, folder)])
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
    names = {_name(root, path): path for path in candidates}
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
        name = _name(self._root, path)
        tree = name.partition("/")[0]
        if tree not in self._trees:
            with StoredIndex(self._root) as index:
                self._trees[tree] = set(index.under([tree]))
        return name in self._trees[tree]


def publish_all(root: Path, storage: Storage) -> list[StoredFile]:
    """Publish every file of the home, on a storage that it does not name yet. Gives all that is there then."""
    names = [name for name, _ in _files_here(root, LEVEL_TREES + LARGE_TREES)]
    with StoredIndex(root) as index:
        there = {path: file for path, file in index.of(names).items() if ObjectStore(storage).has(file.key)}
        changed = [name for name in names if name not in there or there[name].stamp != _stamp(root / name)]
        _publish(root, storage, index, changed, there, "files")
        return list(index.all().values())


def fetch_all(root: Path) -> list[StoredFile]:
    """Have every file here that the storage has. Gives them."""
    storage = storage_of(root)
    assert storage is not None
    with StoredIndex(root) as index:
        files = list(index.all().values())
    _fetch_all(root, storage, [file for file in files if file.stamp != _stamp(root / file.path)], "files")
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


def _publish(
    root: Path,
    storage: Storage,
    index: StoredIndex,
    names: Iterable[str],
    there: Mapping[str, StoredFile],
    said: str = "",
) -> dict[str, StoredFile]:
    """Upload, then enter all at once, then remove what they replace."""
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
    return file if _stamp(path) in (file.stamp, None) else None


def _fetch_all(root: Path, storage: Storage, files: Iterable[StoredFile], said: str = "") -> None:
    store = ObjectStore(storage)
    at_once(lambda file: _fetched(root, store, file), files, said)


def _fetched(root: Path, store: ObjectStore, file: StoredFile) -> None:
    pieces, digest = store.pieces(file.key), hashlib.blake2b(digest_size=DIGEST_BYTES)
    if pieces is None:
        with StoredIndex(root) as index:
            now = index.of([file.path]).get(file.path)
        if now != file:  # replaced or removed since the index was read
            if now is not None:
                _fetched(root, store, now)
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


def _alone(root: Path) -> AbstractContextManager[None]:
    """Of the processes of this host, one levels at a time."""
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLocks(root, folder).waiting(_LOCK)


def _level_files(index: StoredIndex) -> dict[str, StoredFile]:
    return index.of(LEVEL_FILES) | index.under(LEVEL_TREES)


def _files_here(root: Path, trees: Iterable[str] = LEVEL_TREES) -> Iterator[tuple[str, Stamp]]:
    """(path below the home, stamp) of every whole file of these trees, and of those of the home itself."""
    for name in LEVEL_FILES:
        if (stamp := _stamp(root / name)) is not None:
            yield name, stamp
    for tree in trees:
        for parent, folders, names in os.walk(root / tree):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(parent) / name
                if not name.startswith(".") and not name.endswith(".tmp") and (stamp := _stamp(path)) is not None:
                    yield _name(root, path), stamp


def _stamp(path: Path) -> Stamp | None:
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_size, stat.st_mtime_ns


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _read_level(root: Path) -> dict[str, Stamp]:
    try:
        return {path: (size, mtime) for path, (size, mtime) in json.loads((root / _LEVEL).read_text()).items()}
    except (FileNotFoundError, ValueError, TypeError):
        return {}  # then what the storage has, counts


def _write_level(root: Path, stamps: Mapping[str, Stamp]) -> None:
    with atomic_write(root / _LEVEL) as aside:
        aside.write_text(json.dumps(stamps))
