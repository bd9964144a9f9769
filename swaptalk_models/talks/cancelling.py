"""Ending a talk in the middle, from another process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.inference.marking import Marking
from swaptalk_models.inference.progress import Watch

_EVERY_S = 0.5


class Cancelled(Exception):
    """Somebody said that this talk is not wanted any more."""


def asking(stop: Callable[[], bool], watch: Watch) -> Watch:
    """A ``Watch`` that asks now and then whether the work is to go on: also while no frame is written yet."""
    asked = 0.0

    def ask(part: str, done: int, of: int) -> None:
        nonlocal asked
        if time.monotonic() - asked > _EVERY_S:
            asked = time.monotonic()
            if stop():
                raise Cancelled
        watch(part, done, of)

    return ask


class Stoppable:
    """A ``Marking`` that asks now and then, where frames go by, whether it is to go on."""

    def __init__(self, marking: Marking, stop: Callable[[], bool]) -> None:
        self._marking, self._stop, self._asked = marking, stop, 0.0

    def begin(self, track: FaceTrack) -> None:
        """See Marking."""
        self._ask()
        self._marking.begin(track)

    def on_frame(self, frame: np.ndarray, number: int, shown: int | None) -> np.ndarray:
        """See Marking."""
        if time.monotonic() - self._asked > _EVERY_S:
            self._ask()
        return self._marking.on_frame(frame, number, shown)

    def end(self, told: dict[str, Any]) -> None:
        """See Marking."""
        self._marking.end(told)

    def on_file(self, path: Path) -> None:
        """See Marking."""
        self._marking.on_file(path)

    def _ask(self) -> None:
        self._asked = time.monotonic()
        if self._stop():
            raise Cancelled
