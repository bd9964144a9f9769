"""The stack that signal handlers run on (sigaltstack(2)) outlives a library that puts one of its own there."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_ROOM = 64
"""Bytes: more than a `stack_t` has anywhere. What is in it is the system's."""


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """What this thread had before the block, or that it had none, holds after it, too.

    OpenVINO's CPU plugin (seen with 2026.4.1) gives the thread that loads it a signal stack of its own, and when it goes puts back the one that
    it found: that of a plugin gone before, whose memory is no more. Python's handlers run on that stack, so that the next signal, an interrupt
    or a time limit, ends the process with a segmentation fault.
    """
    try:
        sigaltstack = ctypes.CDLL(None).sigaltstack
    except (AttributeError, OSError, TypeError):  # a system without it
        yield
        return
    before = ctypes.create_string_buffer(_ROOM)
    known = sigaltstack(None, before) == 0
    try:
        yield
    finally:
        if known:
            sigaltstack(before, None)
