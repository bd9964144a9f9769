"""A limit to the time that one piece of work may take.

Mostly a signal ends it: Python looks at it between two calls into a library, which is every few milliseconds. A library
that never comes back leaves only the process to be ended, from a thread that needs nothing of Python.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN_S = 5.0
"""The signal comes again after this time (s), should somebody have swallowed it."""
GRACE_S = 10.0
"""The process is ended this much later (s)."""

_expendable: list[int] = []  # a file that swallows what is said at the end; empty: this process is not to be ended


class OutOfTime(BaseException):
    """Not an Exception: nobody on the way shall take it for a fault of his own."""


def may_end_this_process() -> None:
    """Say, once, that this process is a worker: somebody notices its end and goes on without it."""
    _expendable[:] = [os.open(os.devnull, os.O_WRONLY)]


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raises OutOfTime in the block after ``seconds``; None, or outside the main thread: never.

    In a worker, a block that does not even then come to its end takes the process with it, ``GRACE_S`` later.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _raise)
    if _expendable:
        faulthandler.dump_traceback_later(seconds + GRACE_S, exit=True, file=_expendable[0])
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if _expendable:
            faulthandler.cancel_dump_traceback_later()


def _raise(*_: object) -> None:
    raise OutOfTime
