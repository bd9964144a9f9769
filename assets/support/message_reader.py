"""Reads what a training's process says, line by line, and only whole lines.

Dagster's own reader of a file takes half a line for a message when it looks while the line is being written: a file grows page by page, so
that of a long training is seen like that sooner or later. That reader then ends, and the training goes on in silence.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster_pipes import PipesDefaultMessageWriter, PipesParams

POLL_SECONDS = 0.05


class WholeLineReader(dg.PipesMessageReader):
    """Messages through a temporary file, which is gone afterwards."""

    @contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Iterator[PipesParams]:
        """Within, a thread hands each message to ``handler``; at the end all that was written has been handed over."""
        with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
            path, ended = Path(folder) / "messages", threading.Event()
            path.touch()
            reader = threading.Thread(target=_read, args=(path, handler, ended), name="training messages", daemon=True)
            reader.start()
            try:
                yield {PipesDefaultMessageWriter.FILE_PATH_KEY: str(path)}
            finally:
                ended.set()
                reader.join()

    def no_messages_debug_text(self) -> str:
        return "Attempted to read messages from a temporary file."


def _read(path: Path, handler: dg.PipesMessageHandler, ended: threading.Event) -> None:
    try:
        for line in whole_lines(path, ended.is_set, lambda: ended.wait(POLL_SECONDS)):
            handler.handle_message(json.loads(line))
    except Exception:
        handler.report_pipes_framework_exception("reading a training's messages", sys.exc_info())
        raise


def whole_lines(path: str | os.PathLike[str], ended: Callable[[], bool], wait: Callable[[], object]) -> Iterator[bytes]:
    """The lines of a file that is being written. Half a line is waited for; one that never got its end is left out.

    Args:
        ended: says that nobody writes any more.
        wait: called while there is nothing new.
    """
    begun = b""
    with open(path, "rb") as file:
        while True:
            last = ended()  # asked before reading: what is written until then is read
            begun += file.readline()
            if begun.endswith(b"\n"):
                yield begun
                begun = b""
            elif last:
                return
            else:
                wait()
