"""Previews, as the server asks for them: one process keeps the networks, and is started anew when it has ended or the release has changed."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.studio.refusal import Refusal
from pipelines.studio.sandbox import ChildFailed, child_environment

_LONGEST_S = 120.0  # networks from a slow disk included
_LONGEST_LINE = 1 << 25


class Previewer:
    """One frame at a time; who comes meanwhile waits."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._child: Process | None = None
        self._release: Path | None = None

    async def make(self, release: Path, asked: dict[str, Any]) -> dict[str, Any]:
        """What the child answers, see ``preview`` in preview_child.py.

        Raises:
            Refusal: it takes too long, or the release cannot be used.
            ChildFailed: a fault of the program.
        """
        async with self._turn:
            child = await self._ready(release)
            assert child.stdin is not None and child.stdout is not None
            try:
                child.stdin.write(json.dumps(asked).encode() + b"\n")
                await child.stdin.drain()
                line = await asyncio.wait_for(child.stdout.readline(), _LONGEST_S)
            except TimeoutError:
                await self.close()
                raise Refusal(503, f"the preview took more than {_LONGEST_S:.0f} s: is the machine busy?") from None
            except (ConnectionError, ValueError):
                line = b""
            except asyncio.CancelledError:  # whoever asked has gone; the answer would be taken for the next one's
                await self.close()
                raise
            if not line:
                await self.close()
                raise ChildFailed("the process that makes previews has ended; the terminal of the studio says more")
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise Refusal(422, answer["refused"])
        return answer

    async def warm(self, release: Path) -> None:
        """Load the networks before the first preview is asked for. What goes wrong is said then."""
        with suppress(Refusal, ChildFailed):
            await self.make(release, {})

    async def _ready(self, release: Path) -> Process:
        if self._child is not None and (self._child.returncode is not None or self._release != release):
            await self.close()
        if self._child is None:
            self._release = release
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "pipelines.studio.preview_child", str(release)),
                stdin=PIPE,
                stdout=PIPE,
                env=child_environment(),
                limit=_LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is the server's
            )
        return self._child

    async def close(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child is not None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
