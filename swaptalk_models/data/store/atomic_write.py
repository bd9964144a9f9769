"""Files appear whole or not at all: written beside their final place, then renamed over it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 200
"""Bytes of a name that another one can be made of: file systems allow 255."""


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a temporary path in the folder of ``path``; leaving without an error renames it over ``path``, an error
    deletes it.

    What a killed process left behind for the same ``path`` is removed first; a living writer's file is not touched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    name = short_name(path.name)
    for stale in path.parent.glob(f".{_escaped(name)}.*.part"):
        if not _alive(stale.name.split(".")[-2]):
            stale.unlink(missing_ok=True)
    aside = path.with_name(f".{name}.{os.getpid()}.part")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def short_name(name: str) -> str:
    """The name, or what stands for one that leaves no room for a process's number beside it."""
    letters = os.fsencode(name)
    if len(letters) <= _LONGEST:
        return name
    return f"{hashlib.sha256(letters).hexdigest()[:32]}{Path(name).suffix[:8]}"


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "[*?" else c for c in name)


def _alive(process: str) -> bool:
    if not process.isdigit():
        return True  # not a name of ours
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
