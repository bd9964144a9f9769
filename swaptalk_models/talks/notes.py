"""What is said of a talk while it is made, kept beside it: warnings go by on a terminal that nobody may be looking at."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def noted() -> Iterator[list[str]]:
    """Gives a list that grows by our own warnings, each once; they are shown as before, too. Not for two threads at once."""
    notes: list[str] = []
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if category is UserWarning and "swaptalk_models" in filename and str(message) not in notes:
                notes.append(str(message))
            shown(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        # A process makes many talks, and each is to be told what was said of the one before as well.
        warnings.filterwarnings("always", category=UserWarning, module=r"swaptalk_models(\.|$)")
        yield notes
