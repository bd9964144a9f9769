"""The maker: makes the talks that wait in the studio, one Dagster run each. It outlives the server and the window, and ends when nothing waits.

python -m pipelines.studio.maker HOME
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

from pipelines.studio.limits import bound_memory
from pipelines.studio.places import StudioPlace
from pipelines.studio.talks import StudioTalks
from pipelines.studio.uploads import UploadLimits, Uploads
from pipelines.talks_run import make_one, ready
from swaptalk_models.data.store.locks import claimed
from swaptalk_models.talks.queue import FAILED, RUNNING

_IDLE_S = 60.0
"""How long the networks are kept when nothing waits."""
_LOOK_S = 0.5
_MOST_ATTEMPTS = 5
_OF_MEMORY = 0.9


def held(place: StudioPlace) -> AbstractContextManager[bool]:
    """Be the maker of this studio; False: there is one."""
    return claimed(place.maker_lock)


def make_all(place: StudioPlace, idle_s: float = _IDLE_S) -> None:
    """Make what waits, the oldest first, until nothing has waited for so long (s)."""
    talks = StudioTalks(place, Uploads(place, UploadLimits()))
    with held(place) as mine:
        if not mine:
            return
        with ready(place.home) as instance:
            last = time.monotonic()
            while time.monotonic() - last < idle_s:
                waiting = talks.waiting()
                if not waiting or not _make(waiting[0].id, Path(waiting[0].release), talks, instance):
                    time.sleep(_LOOK_S)
                if waiting:
                    last = time.monotonic()


def _make(name: str, release: Path, talks: StudioTalks, instance) -> bool:  # type: ignore[no-untyped-def]  # Dagster loads slowly
    queue = talks.queue
    entry = queue.read(name)
    if entry is not None and entry.state == RUNNING and entry.attempts >= _MOST_ATTEMPTS:
        reason = f"the process that made it has ended {entry.attempts} times: a file that cannot be read, or too little memory"
        queue.write(dataclasses.replace(entry, state=FAILED, reason=reason))
        return True
    return make_one(name, queue, instance, release, "studio")


def _bounded() -> None:
    """A file that claims too much ends this process, not the machine. Where there is a GPU, its driver's own memory would count, too."""
    if sys.platform == "linux" and not Path("/dev/nvidiactl").exists():
        bound_memory(int(_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))


if __name__ == "__main__":
    _bounded()
    try:
        make_all(StudioPlace(Path(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
