"""Who does a stage's items: the engine hands out tasks and takes outcomes, and does not know where they are done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from swaptalk_models.data.engine.workers import Outcome, Task, attempt, attempt_in_pool


class Executor(Protocol):
    """Does items somewhere. What it makes of one is in the home or in the outcome; whatever happens to one, the others go on."""

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Outcome]:
        """An outcome for each task, as they come.

        Args:
            tasks: taken from one by one, and only as many as there is room for: taking one says that its work begins.
            count: how many there are.

        Raises:
            UserError: something that would be the same for every item, as a full disk.
        """
        ...


@dataclass(frozen=True)
class LocalPool:
    """Worker processes of this machine; with one worker, this process itself."""

    workers: int = 1

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Outcome]:
        """See ``Executor``. A pool even for one item: a decoder that crashes or hangs shall not take this process."""
        return attempt_in_pool(tasks, min(self.workers, count)) if self.workers > 1 else map(attempt, tasks)
