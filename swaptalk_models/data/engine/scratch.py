"""A folder for one item's files on the host where it is done; gone afterwards, also when the process that had it was killed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "swaptalk-item-"
_YOUNG_S = 60.0  # the owner of a younger one may be about to lock it


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder where this host keeps temporary files ($TMPDIR). What killed processes left there is removed first."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{PREFIX}*"):
        _remove_if_left(left)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left(folder: Path) -> None:
    """The operating system drops the locks of a process that dies."""
    try:
        if time.time() - folder.stat().st_mtime < _YOUNG_S:
            return
        with open(folder / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # somebody works in it, or has just removed it, or it is another user's
