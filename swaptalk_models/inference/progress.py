"""How far a generation is: told to whoever shows it elsewhere than on a terminal."""

from __future__ import annotations

from collections.abc import Callable

LOAD, FOLLOW, GENERATE, FINISH = "load", "follow", "generate", "finish"
"""The parts of a generation, in their order: networks are loaded, the target's face is followed, frames are made, the file is joined and signed."""

Watch = Callable[[str, int, int], None]
"""(part, done, of): called often, from several threads. Of frames, at 25 a second; ``of`` may be a guess while a face is followed."""


def unwatched(part: str, done: int, of: int) -> None:
    """Nobody looks."""
