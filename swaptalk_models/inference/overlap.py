"""Reading, networks and writing beside each other: a thread that reads ahead, and one that finishes what has been made. What waits between them is
bounded, so memory stays flat. Video codecs and networks leave Python's lock, so that both cores work.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")
_END: Any = object()


def ahead(items: Iterable[Item], depth: int = 1) -> Generator[Item]:
    """The items, made by a thread up to ``depth`` of them before they are asked for. Its errors are raised where they would have been."""
    waiting: queue.Queue[Any] = queue.Queue(depth)
    stopped = threading.Event()

    def hand_over(item: Any) -> bool:
        while not stopped.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return True
        return False

    def read() -> None:
        try:
            for item in items:
                if not hand_over(item):
                    return
        finally:
            hand_over(_END)

    pool = ThreadPoolExecutor(1, "swaptalk-reads-ahead")
    reader = pool.submit(read)
    try:
        while (item := waiting.get()) is not _END:
            yield item
        reader.result()
    finally:  # also when nobody wants the rest
        stopped.set()
        pool.shutdown(wait=True)


class Behind:
    """Does one thing after another on a thread of its own. Used as ``with Behind() as behind``: at the end all is done, or its error raised."""

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, "swaptalk-writes")
        self._last: Future[None] | None = None
        return self

    def do(self, work: Callable[[], None]) -> None:
        """Begin it when what was given before is done; no more than one thing waits. Raises the error of the one before."""
        self._finish()
        self._last = self._pool.submit(work)

    def _finish(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._pool.shutdown(wait=True)
