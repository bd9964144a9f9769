"""A full disk is the user's to mend: it stops the run with one clear sentence, and puts no clip into quarantine."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError

_DISK_FULL = ("No space left on device", "database or disk is full")


@contextmanager
def full_disk_is_a_user_error(home: Home) -> Iterator[None]:
    """Turns whatever a library says of a full disk, in the block, into a UserError."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:  # ValueError: some of Lance's and Arrow's
        raise_if_disk_full(home, error)
        raise


def raise_if_disk_full(home: Home, error: BaseException | None) -> None:
    """UserError: this error, or one that it was raised from, says that the disk is full."""
    cause = error
    while cause is not None:
        full = getattr(cause, "errno", None) == errno.ENOSPC or any(said in str(cause) for said in _DISK_FULL)
        if full:
            raise UserError(
                f"{home.root}: the disk is full; make room and run again, nothing that was done is lost"
            ) from error
        cause = cause.__cause__
