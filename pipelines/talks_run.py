"""`swaptalk batch`: the talks of a file, one Dagster run each, in this process and in the instance that the UI shows."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.instance import held_open, open_instance
from pipelines.origin import NOT_AGAIN, runs_are_the_uis
from pipelines.recovery import CLI_TAG, free_dead, held_alive
from pipelines.run import quiet_dagster
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.provenance.jobs import ReleaseUsed
from swaptalk_models.talks.job_file import BadTalk, Talk
from swaptalk_models.talks.queue import CANCELLED, DONE, QUEUED, REFUSED, RUNNING, Entry, TalkQueue

if TYPE_CHECKING:
    import dagster as dg

_WAIT_S = 1.0
BEFORE = "done before"


def run_talks(
    home: Path,
    talks: Sequence[Talk | BadTalk],
    release: Path,
    batch: str,
    again: bool = False,
    told: Callable[[Entry, str], None] = lambda entry, state: None,
) -> list[tuple[str, str, str]]:
    """Put talks into the queue and make those that are not done. Another process that does the same shares the work.

    Args:
        batch: what the runs are tagged with.
        again: whether talks that were cancelled are made after all.
        told: hears of each talk when its state changes.

    Returns:
        (output or name, state, reason) of each, in their order.

    Raises:
        KeyboardInterrupt: Ctrl-C; what is finished is kept, and what was begun goes on at the next call.
    """
    place = open_home(home).create()
    queue = TalkQueue(place.root)
    entries = [talk if isinstance(talk, BadTalk) else queue.add(talk, release, again) for talk in talks]
    before = {entry.id for entry in entries if isinstance(entry, Entry) and entry.state == DONE}
    waiting = [entry.id for entry in entries if isinstance(entry, Entry) and entry.state in (QUEUED, RUNNING)]
    if waiting:
        with ready(place.root) as instance:
            while waiting:
                waiting = _round(waiting, queue, instance, release, batch, told)
    rows = []
    for entry in entries:
        if isinstance(entry, BadTalk):
            rows.append((entry.name, REFUSED, entry.reason))
            continue
        now = queue.read(entry.id) or entry
        rows.append((now.talk.output, BEFORE if now.id in before else now.state, now.reason or ""))
    return rows


@contextmanager
def ready(home: Path) -> Iterator[dg.DagsterInstance]:
    """The home's instance, for runs of talks. What a kill left behind is freed first."""
    from pipelines.talk_job import TALK

    with quiet_dagster(), open_instance(home) as instance:
        free_dead(instance)
        runs_are_the_uis(instance, TALK)
        yield instance


def make_one(
    name: str,
    queue: TalkQueue,
    instance: dg.DagsterInstance,
    release: Path,
    batch: str,
    told: Callable[[Entry, str], None] = lambda entry, state: None,
) -> bool:
    """Make a talk that waits, or was killed in the middle; False: somebody else is at work on it."""
    with queue.claim(name) as mine:
        entry = queue.read(name)
        if not mine:
            return False
        if entry is not None and entry.state in (QUEUED, RUNNING):
            if queue.wants_end(name):  # cancelled, and then its process was killed
                entry = queue.write(Entry(**vars(entry) | {"state": CANCELLED}))
            else:
                told(entry, RUNNING)
                _execute(entry, queue.home, instance, release, batch)
                entry = queue.read(name) or entry
            told(entry, entry.state)
    return True


def _round(
    waiting: list[str],
    queue: TalkQueue,
    instance: dg.DagsterInstance,
    release: Path,
    batch: str,
    told: Callable[[Entry, str], None],
) -> list[str]:
    """Make all that nobody else is at work on; gives those of the others, for which it waits a little."""
    others = [name for name in waiting if not make_one(name, queue, instance, release, batch, told)]
    if len(others) == len(waiting):
        time.sleep(_WAIT_S)
    return others


def _execute(entry: Entry, home: Path, instance: dg.DagsterInstance, release: Path, batch: str) -> None:
    import dagster as dg

    from pipelines.definitions import defs
    from pipelines.talk_job import TALK

    used = ReleaseUsed.of(release)
    tags = {
        CLI_TAG: "batch",
        "swaptalk/batch": batch,
        "swaptalk/talk": entry.id,
        "swaptalk/output": Path(entry.talk.output).name,
        "swaptalk/release": used.version,
        "swaptalk/snapshot": used.snapshot or "unknown",
    } | NOT_AGAIN
    run_config = {
        "ops": {"make_talk": {"config": {"id": entry.id, "release": str(release)}}},
        "resources": {"swaptalk": {"config": {"home": str(home)}}},
        "loggers": {"terminal": {}},
    }
    run_id = str(uuid.uuid4())
    try:
        with held_alive(instance, run_id), held_open(instance, run_id):
            defs.resolve_job_def(TALK).execute_in_process(
                run_config=run_config, instance=instance, tags=tags, run_id=run_id, raise_on_error=False
            )
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        free_dead(instance)
        raise KeyboardInterrupt from None
    run = instance.get_run_by_id(run_id)
    entry_now = TalkQueue(home).read(entry.id)
    if run is not None and not run.is_finished or (entry_now is not None and entry_now.state == RUNNING):
        raise KeyboardInterrupt  # stopped by hand: the run says so, the talk goes on next time
