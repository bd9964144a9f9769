"""Locks of a home that keeps its own state: files that the operating system holds for a process, and drops when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from swaptalk_models.errors import UserError


class Locks(Protocol):
    """What a home asks of its locks. None outlives the process that holds it."""

    def writing(self, stage: str, reads: tuple[str, ...]) -> contextlib.AbstractContextManager[bool]:
        """Hold ``stage`` alone and ``reads`` with others; gives whether the last writer of ``stage`` did not end well. UserError:
        another run holds one of them."""

    def held(self, stages: tuple[str, ...]) -> contextlib.AbstractContextManager[None]:
        """Hold all of these alone, to write none. UserError: another run holds one of them."""

    def waiting(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Hold this one alone; who comes second waits."""

    def is_held(self, name: str) -> bool:
        """Whether somebody holds it alone."""

    def settled(self) -> bool:
        """Whether all who live and have locks hold them: not for a while after their server has started."""

    def confirm(self) -> None:
        """UserError: a lock that this process holds has meanwhile been another's."""

    def fenced(self) -> contextlib.AbstractContextManager[None]:
        """Within, nobody takes a lock. UserError: one that this process holds has meanwhile been another's."""


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a lock file, which is made, alone; False: another process has it."""
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def is_locked(path: Path) -> bool:
    """Whether a process holds this lock file alone."""
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


class FileLocks:
    """Locks of one host: a file each in ``folder``, which is there."""

    def __init__(self, root: Path, folder: Path):
        self._root, self._folder = root, folder

    @contextlib.contextmanager
    def writing(self, stage: str, reads: tuple[str, ...]) -> Iterator[bool]:
        with contextlib.ExitStack() as held:
            own = held.enter_context(self._locked(stage, fcntl.LOCK_EX))
            for name in reads:
                held.enter_context(self._locked(name, fcntl.LOCK_SH))
            own.seek(0)
            unclean = bool(own.read())
            own.truncate(0)
            # Tells the others who it is; what stays there tells the next that it did not end well.
            own.write(str(os.getpid()))
            own.flush()
            yield unclean
            own.truncate(0)

    @contextlib.contextmanager
    def held(self, stages: tuple[str, ...]) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            for name in stages:
                held.enter_context(self._locked(name, fcntl.LOCK_EX))
            yield

    @contextlib.contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        with open(self._folder / f"{name}.lock", "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def is_held(self, name: str) -> bool:
        return is_locked(self._folder / f"{name}.lock")

    def settled(self) -> bool:
        """Always: the operating system takes none away."""
        return True

    def confirm(self) -> None:
        """The operating system takes none away."""

    def fenced(self) -> contextlib.AbstractContextManager[None]:
        """As ``confirm``."""
        return contextlib.nullcontext()

    def unclean(self) -> list[str]:
        """Stages whose last writer did not end well, or is at work."""
        return sorted(path.stem for path in self._folder.glob("*.lock") if path.stat().st_size)

    @contextlib.contextmanager
    def _locked(self, name: str, kind: int) -> Iterator[IO[str]]:
        with open(self._folder / f"{name}.lock", "a+") as file:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise at_work(file.read().strip(), name, self._root) from None
            yield file


def at_work(pid: str, name: str, root: Path) -> UserError:
    """What is said to who comes second."""
    who = f"another run (pid {pid})" if pid else "another run"
    return UserError(f"{who} is at work on {name} in {root}: wait until it is done")
