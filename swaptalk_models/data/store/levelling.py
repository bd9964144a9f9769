"""Bringing the small trees of a home level with its storage (models, releases, reports, records), whenever the home is held.

What another host has published is fetched when a lock is taken, what this one has made is published when it is let go. Of a home that lies
in its folder alone, nothing is done.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.locks import FileLocks
from swaptalk_models.data.store.storage_address import storage_of
from swaptalk_models.data.store.stored_index import Stamp, StoredFile, StoredIndex
from swaptalk_models.data.store.stored_trees import (
    LEVEL_FILES,
    LEVEL_TREES,
    SMALL,
    WHEN_USED,
    files_here,
    stamp_of,
)
from swaptalk_models.data.store.transfer import download, upload
from swaptalk_models.errors import UserError

_LEVEL = "stored.json"
"""{path: [size, mtime_ns]} of the files of ``LEVEL_TREES`` that are here as they are, or were, on the storage."""
_LOCK = "stored"
Held = TypeVar("Held")


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
            here, last = stamp_of(root / path), seen.get(path)
            if here == file.stamp:
                seen[path] = file.stamp
            elif here is None:
                if file.size <= SMALL or not path.endswith(WHEN_USED):
                    wanted.append(file)
            elif last is None or file.stamp != last:
                wanted.append(file)
        for path in seen.keys() - there.keys():
            if stamp_of(root / path) == seen.pop(path):
                (root / path).unlink(missing_ok=True)
        download(root, storage, wanted)
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
        for path, stamp in files_here(root):
            if path in there and there[path].stamp == stamp:
                seen[path] = stamp
            elif seen.get(path) != stamp:  # else others have changed or removed it since
                changed.append(path)
        entered = upload(root, storage, index, changed, there)
        seen |= {path: file.stamp for path, file in entered.items()}
        if seen != before:
            _write_level(root, seen)


def _alone(root: Path) -> AbstractContextManager[None]:
    """Of the processes of this host, one levels at a time."""
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLocks(root, folder).waiting(_LOCK)


def _level_files(index: StoredIndex) -> dict[str, StoredFile]:
    return index.of(LEVEL_FILES) | index.under(LEVEL_TREES)


def _read_level(root: Path) -> dict[str, Stamp]:
    try:
        return {path: (size, mtime) for path, (size, mtime) in json.loads((root / _LEVEL).read_text()).items()}
    except (FileNotFoundError, ValueError, TypeError):
        return {}  # then what the storage has, counts


def _write_level(root: Path, stamps: Mapping[str, Stamp]) -> None:
    with atomic_write(root / _LEVEL) as aside:
        aside.write_text(json.dumps(stamps))
