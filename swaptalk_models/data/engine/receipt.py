"""What comes back of one item: its files gather in the home's spool, and take their places only when all of them are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from swaptalk_models.data.engine.items import Result
from swaptalk_models.data.engine.parcels import Done
from swaptalk_models.data.engine.workers import Outcome, Task
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.spool import SpooledRows


class Receipt:
    """Of one attempt at one item."""

    def __init__(self, stage: str, task: Task):
        self.stage, self.task = stage, task
        self._done: Done | None = None
        self._missing: list[tuple[str, int]] = []  # (name, bytes still to come)
        self._parts: dict[str, Path] = {}
        self._file: IO[bytes] | None = None

    @property
    def complete(self) -> bool:
        """Whether all has come."""
        return self._done is not None and not self._missing

    def take(self, part: Done | bytes) -> None:
        """The next part of what the worker sends of it."""
        if isinstance(part, Done):
            self._done, self._missing = part, list(part.files)
            self._skip_empty()
        else:
            self._write(part)

    def _write(self, piece: bytes) -> None:
        name, left = self._missing[0]
        assert len(piece) <= left, (name, len(piece), left)
        if self._file is None:
            self._file = open(self._part(name), "wb")  # noqa: SIM115 - closed when its last piece has come
        self._file.write(piece)
        self._missing[0] = name, left - len(piece)
        self._skip_empty()

    def _skip_empty(self) -> None:
        while self._missing and not self._missing[0][1]:
            if self._file is None:
                self._part(self._missing[0][0]).touch()
            else:
                self._file.close()
                self._file = None
            del self._missing[0]

    def _part(self, name: str) -> Path:
        home, clip = self._home, self.task[1].clip
        home.spool.mkdir(exist_ok=True)
        number = f"{len(self._parts)}." if name else ""
        self._parts[name] = home.spool / f".{self.stage}.{clip}.{number}{os.getpid()}.part"
        return self._parts[name]

    @property
    def _home(self) -> Home:
        return self.task[2]

    def outcome(self) -> Outcome:
        """Puts the files where they belong. Once, when it is complete."""
        assert self._done is not None and self.complete
        done, item = self._done, self.task[1]
        if done.output is None:
            return item, None, done.reason, done.seconds
        for name, part in self._parts.items():
            if name:
                place = self._home.root / name
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(part, place)
        rows = SpooledRows(self._parts[""], *done.spooled) if done.spooled else done.table
        return item, Result(done.output, rows), "", done.seconds

    def discard(self) -> None:
        """Delete what has come."""
        if self._file:
            self._file.close()
        for part in self._parts.values():
            part.unlink(missing_ok=True)
