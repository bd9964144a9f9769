"""How much of the past is kept, and what is beyond it."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

DAY = 86400.0


@dataclass(frozen=True)
class Policy:
    """The newest of each kind stay, and all that is young."""

    keep: int
    """So many of each: releases, evaluations, versions of a model, training snapshots, runs of a job."""
    days: float = 0.0
    """What is younger stays as well."""

    def is_old(self, place: int, made_at: float) -> bool:
        """Whether what stands at this place (0: the newest) and was made then (seconds since the epoch) is beyond it."""
        return place >= self.keep and made_at < time.time() - self.days * DAY


@dataclass(frozen=True)
class Removal:
    """One thing to remove."""

    kind: str
    """In words, for people."""
    name: str
    size: int
    """Bytes that it frees."""
    made_at: float | None = None
    """When it was made (seconds since the epoch)."""
    path: Path | None = None
    """Its folder, where it is one."""


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
