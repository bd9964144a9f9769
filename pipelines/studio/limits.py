"""Bounds of a process that decodes what somebody has sent: a file may claim to be larger and longer than any machine can take."""

from __future__ import annotations

import resource
import sys
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Of one process."""

    seconds: float = 120
    """On the clock, and of one processor's time."""
    memory: int = 3 << 30
    """bytes"""
    file: int = 1 << 30
    """bytes of one file that it writes"""

    def apply(self) -> None:
        """To this process, for ever. Memory is bounded where the system does it (Linux)."""
        _lower(resource.RLIMIT_CPU, int(self.seconds) + 1, grace=5)
        _lower(resource.RLIMIT_FSIZE, self.file)
        _lower(resource.RLIMIT_CORE, 0)
        if sys.platform == "linux":
            bound_memory(self.memory)

    def to_json(self) -> dict[str, Any]:
        """For the child's command line."""
        return asdict(self)


def bound_memory(most: int) -> None:
    """This process may write to so many bytes of memory of its own; what it merely reserves does not count."""
    _lower(resource.RLIMIT_DATA, most)


def _lower(kind: int, most: int, grace: int = 0) -> None:
    """``grace``: how much later the system does not ask any more."""
    hard = resource.getrlimit(kind)[1]
    soft, last = (bound if hard == resource.RLIM_INFINITY else min(bound, hard) for bound in (most, most + grace))
    resource.setrlimit(kind, (soft, last))
