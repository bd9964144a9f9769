"""Whether a file can be written where somebody wants it: asked before the long work, not after."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from swaptalk_models.errors import UserError

_NAME_BYTES = 255
"""What file systems allow, where they do not say so themselves."""
_SPARE = 1 << 20
"""Bytes that have to stay free whatever is written."""


def check_output(path: Path, option: str = "--output") -> None:
    """Make the folder of an output, and see whether a file of this name can be written there.

    Raises:
        UserError: it is a folder, or the name is too long, or its folder cannot be made or written to.
    """
    said = f"{option} {path}"
    parent = path.parent
    try:
        limit = _longest_name(parent)
        if len(os.fsencode(path.name)) > limit:
            raise UserError(f"{said}: its name is longer than the {limit} bytes that a file's may have: shorten it")
        if path.is_dir():
            raise UserError(f"{said}: is a folder: name a file in it, as {path / 'out.mp4'}")
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=parent, prefix=".swaptalk-") as trial:
            trial.write(b"\0" * 4096)
            trial.flush()
        if path.exists() and not os.access(path, os.W_OK):
            raise UserError(f"{said}: is there and may not be overwritten: permission denied")
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{said}: {parent} is no folder") from None
    except OSError as error:
        raise UserError(f"{said}: cannot be written there: {error.strerror}") from None


def check_folder(folder: Path, option: str = "--output") -> None:
    """The same for a folder of results.

    Raises:
        UserError: it is a file, or it cannot be made or written to.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{option} {folder}: is a file; the results go into a folder")
    check_output(folder / "results", option)


def check_space(path: Path, needed: int) -> None:
    """Whether there is room for an output of about so many bytes.

    Raises:
        UserError: there is not.
    """
    free = shutil.disk_usage(path.parent).free
    if free < needed + _SPARE:
        raise UserError(
            f"{path}: needs about {(needed + _SPARE) / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free there: make room"
        )


def _longest_name(folder: Path) -> int:
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        return min(_NAME_BYTES, os.pathconf(folder, "PC_NAME_MAX"))
    except (OSError, ValueError):
        return _NAME_BYTES
