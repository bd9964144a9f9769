"""Sees to it that somebody makes what waits: starts the maker where there is none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Any

import anyio.to_thread

from pipelines.studio.maker import held
from pipelines.studio.places import StudioPlace
from pipelines.studio.sandbox import child_environment
from pipelines.studio.talks import StudioTalks

_EVERY_S = 1.0
_STARTS_S = 20.0
"""A maker takes some seconds to be there; whoever is not by then has failed."""
_LOG_BYTES = 1_000_000


class Keeper:
    """Looks every second."""

    def __init__(self, talks: StudioTalks) -> None:
        self.talks, self.place = talks, talks.place
        self.starts = 0
        """In a row, without that anything came of it."""
        self._last = 0.0
        self._child: subprocess.Popen[bytes] | None = None
        self._seen: Any = None

    @property
    def problem(self) -> str | None:
        """What is wrong, where the maker does not start."""
        if self.starts < 3:
            return None
        return "the process that makes videos ends as soon as it is started: studio/maker.log in the home says why"

    async def run(self) -> None:
        """For ever."""
        while True:
            await anyio.to_thread.run_sync(self.look)
            await asyncio.sleep(_EVERY_S)

    def look(self) -> None:
        """Start a maker where something waits and none lives."""
        waiting = self.talks.waiting()
        if self._child is not None:
            self._child.poll()  # takes note of its end
        state = [(one.id, entry.time) for one in waiting if (entry := self.talks.queue.read(one.id))]
        if state != self._seen:
            self._seen, self.starts = state, 0
        if not waiting or time.monotonic() - self._last < _STARTS_S * (self.starts > 0) * (1 + self.starts):
            return
        with held(self.place) as nobody:
            if not nobody:
                return
        self.starts += 1
        self._last = time.monotonic()
        self._child = start_maker(self.place)


def start_maker(place: StudioPlace) -> subprocess.Popen[bytes]:
    """A process of its own, which goes on when this one ends."""
    fresh = not place.maker_log.exists() or place.maker_log.stat().st_size > _LOG_BYTES
    with open(place.maker_log, "wb" if fresh else "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.studio.maker", str(place.home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child_environment(),
            start_new_session=True,
        )
