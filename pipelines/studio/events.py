"""What happens, as it happens: server-sent events. Whoever loses the connection gets all anew, so nothing is missed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio.to_thread

from pipelines.studio.talks import OVER, StudioTalks

_EVERY_S = 0.4
_STILL_HERE_S = 15.0
_BACK_MS = 1000
"""After which a browser comes back."""


async def happenings(
    talks: StudioTalks, only: str | None, gone: Callable[[], Awaitable[bool]], about: Callable[[], dict[str, Any]]
) -> AsyncIterator[str]:
    """The stream: `known`, the ids of all; `talk`, a talk that is new or has changed; `removed`, an id; `studio`, how the studio is. Of one talk alone
    there are `talk` and, when it is over, `end`.

    Args:
        only: id of the only talk that is told of.
        gone: whether nobody listens any more.
        about: how the studio is.
    """
    yield f"retry: {_BACK_MS}\n\n"
    told: dict[str, str] | None = None
    how, last = "", time.monotonic()
    while not await gone():
        found = await anyio.to_thread.run_sync(talks.all_shown)
        now = {one["id"]: json.dumps(one) for one in reversed(found) if only in (None, one["id"])}
        pieces = [_event("known", json.dumps({"ids": list(now)}))] if only is None and told is None else []
        before, told = told or {}, now
        pieces += [_event("talk", said) for name, said in now.items() if before.get(name) != said]
        pieces += [_event("removed", json.dumps({"id": name})) for name in before if name not in now]
        if only is None and how != (how := json.dumps(about())):
            pieces.append(_event("studio", how))
        for piece in pieces:
            yield piece
        over = only is not None and (only not in now or json.loads(now[only])["state"] in OVER)
        if over:
            yield _event("end", json.dumps({"id": only}))
            return
        if pieces:
            last = time.monotonic()
        elif time.monotonic() - last > _STILL_HERE_S:
            last = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_EVERY_S)


def _event(kind: str, data: str) -> str:
    return f"event: {kind}\ndata: {data}\n\n"
