"""A stage's items as Ray tasks, one an item: on every host of a cluster, with no file system shared, and with the outcomes of worker processes.

What is lost is done again. A host's death is nobody's fault; a worker that dies may be its item's doing, so that one is tried once more alone,
when all others are done, and if its worker dies again it goes into quarantine.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.deadline import GRACE_S
from swaptalk_models.data.engine.items import Needs
from swaptalk_models.data.engine.loans import Loans
from swaptalk_models.data.engine.parcels import PIECES_AHEAD, SentItem, code_stamp
from swaptalk_models.data.engine.ray_cluster import INSTALL, connected
from swaptalk_models.data.engine.ray_work import do_item
from swaptalk_models.data.engine.receipt import Receipt
from swaptalk_models.data.engine.workers import Outcome, Task, crashed, too_long
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import RayConfig

HOSTS_LOST = 5
"""So many hosts that die under one item are no chance: the run ends, and says so."""
NO_HOST_S = 60.0
"""A cluster without a CPU gets one within this time (s), or the run ends."""
_TICK_S = 2.0
_SETTLE_S = 2.0  # until the cluster knows that a host is gone whose worker has just died


@dataclass(frozen=True)
class RayTasks:
    """An ``Executor`` for one stage."""

    stage: str
    needs: Needs
    files: Callable[[Home, str], tuple[Path, ...]]
    """What the stage makes of a clip beside its rows."""
    config: RayConfig
    cpus: int
    """Of a Ray that has to be started for it."""

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Outcome]:
        """See ``Executor``.

        Raises:
            UserError: also when there is no such cluster, or it loses all its hosts.
        """
        with connected(self.config, self.cpus) as ray:
            yield from _Flow(self, ray).run(tasks)


@dataclass
class _Job:
    """An item from the first attempt to its outcome."""

    task: Task
    crashes: int = 0
    hosts_lost: int = 0


@dataclass
class _Attempt:
    """A job that is in flight."""

    job: _Job
    receipt: Receipt
    lent: list[str]
    rows: list[Any] = field(default_factory=list)
    """References that have to live as long as the task may ask for them."""
    began_at: float | None = None


class _Flow:
    """Hands out tasks, no more than there is room for, and sorts what comes back."""

    def __init__(self, what: RayTasks, ray: Any):
        self.what, self.ray, self.loans = what, ray, Loans()
        self.running: dict[Any, _Attempt] = {}
        self.lost: deque[_Job] = deque()
        self.suspects: deque[_Job] = deque()
        self.cpus, self.asked_at, self.cpus_at = 0, 0.0, time.monotonic()
        self.remote = ray.remote(num_cpus=1, max_retries=0)(do_item).options(
            num_returns="streaming", _generator_backpressure_num_objects=PIECES_AHEAD
        )

    def run(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        jobs = (_Job(task) for task in tasks)
        try:
            while True:
                with self._failures():
                    while self._has_room() and (job := self._next(jobs)) is not None:
                        self._submit(job)
                    if not self.running:
                        if not self.suspects:
                            return
                        self._submit(self.suspects.popleft())  # alone, and nothing joins it
                if outcome := self._look():
                    yield outcome
        finally:
            for generator, attempt in self.running.items():
                self._cancel(generator)
                attempt.receipt.discard()
            self.running.clear()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """What is wrong with the cluster, and not with an item, is the user's to mend."""
        try:
            yield
        except self.ray.exceptions.RayError as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise UserError(f"the Ray cluster has failed ({said}): run again, what is done is kept") from error

    def _next(self, jobs: Iterator[_Job]) -> _Job | None:
        return self.lost.popleft() if self.lost else next(jobs, None)

    def _has_room(self) -> bool:
        if any(attempt.job.crashes for attempt in self.running.values()):
            return False
        limit = self.what.config.in_flight or max(2, 2 * self._cluster_cpus())
        lent = self.loans.bytes < self.what.config.inputs_mib << 20
        return len(self.running) < limit and (lent or not self.running)

    def _cluster_cpus(self) -> int:
        if time.monotonic() - self.asked_at > _TICK_S:
            self.cpus, self.asked_at = int(self.ray.cluster_resources().get("CPU", 0)), time.monotonic()
            if self.cpus:
                self.cpus_at = time.monotonic()
        return self.cpus

    def _submit(self, job: _Job) -> None:
        work, item, home, params, limit = job.task
        files = {str(path): self.loans.lend(path) for path in self.what.needs.files(home, item)}
        sent = {path: references for path, references in files.items() if references is not None}
        rows = {table: self.ray.put(tables.read_clip(home, table, item.clip)) for table in self.what.needs.tables}
        makes = tuple(str(path.relative_to(home.root)) for path in self.what.files(home, item.clip))
        parcel = SentItem(work, item, params, limit, str(home.root), sent, rows, makes, code_stamp())
        generator = self.remote.remote(parcel)
        self.running[generator] = _Attempt(job, Receipt(self.what.stage, job.task), [*sent], [*rows.values()])

    def _look(self) -> Outcome | None:
        """Take one message of one task, if any has come."""
        ready, _ = self.ray.wait([*self.running], num_returns=1, timeout=_TICK_S, fetch_local=False)
        if not ready:
            if not self._cluster_cpus() and time.monotonic() - self.cpus_at > NO_HOST_S:
                raise UserError(
                    "the Ray cluster has no host left that works: start one and run again, what is done is kept"
                )
            return None
        (generator,) = ready
        attempt, errors = self.running[generator], self.ray.exceptions
        try:
            attempt.receipt.take(self.ray.get(next(generator)))
            if attempt.began_at is None:
                attempt.began_at = time.monotonic()
            return None
        except StopIteration:
            assert attempt.receipt.complete, attempt.job.task[1].clip
            return self._end(generator).outcome()
        except errors.RayError as error:
            receipt = self._end(generator)
            if receipt.complete:  # its host died when it had sent all
                return receipt.outcome()
            receipt.discard()
            return self._sort(attempt, error)

    def _end(self, generator: Any) -> Receipt:
        attempt = self.running.pop(generator)
        for path in attempt.lent:
            self.loans.give_back(path)
        return attempt.receipt

    def _sort(self, attempt: _Attempt, error: Exception) -> Outcome | None:
        """What a failure means: an outcome, or None, where the item is tried again."""
        job, errors = attempt.job, self.ray.exceptions
        item, limit = job.task[1], job.task[4]
        cause = getattr(error, "cause", None) if isinstance(error, errors.RayTaskError) else error
        if isinstance(cause, (errors.WorkerCrashedError, errors.OutOfMemoryError)):
            seconds = time.monotonic() - (attempt.began_at or time.monotonic())
            if limit is not None and seconds >= limit + GRACE_S:
                return item, None, too_long(item, limit), seconds
            if not job.crashes:
                job.crashes = 1
                self.suspects.append(job)
                return None
            if self._host_lives(attempt):
                return item, None, crashed(item), 0.0
            cause = errors.NodeDiedError("")
        if isinstance(cause, (errors.NodeDiedError, errors.ObjectLostError)):
            self._again(job, error)
            return None
        if isinstance(cause, UserError):
            raise cause from None
        if "No module named 'swaptalk_models" in str(error):
            raise UserError(
                f"a host of the Ray cluster has no SwapTalk: {INSTALL} on it, of the driver's version"
            ) from None
        if isinstance(error, errors.RayTaskError):
            raise cause if isinstance(cause, Exception) else error
        with self._failures():
            raise error

    def _again(self, job: _Job, error: Exception) -> None:
        job.hosts_lost += 1
        if job.hosts_lost >= HOSTS_LOST:
            raise UserError(
                f"{HOSTS_LOST} hosts of the Ray cluster died one after the other: see to them and run again"
            ) from error
        (self.suspects if job.crashes else self.lost).append(job)

    def _host_lives(self, attempt: _Attempt) -> bool:
        """Whether the host is still there whose worker has died."""
        began = attempt.receipt.began
        if began is None:
            return True
        time.sleep(_SETTLE_S)
        return any(node["NodeID"] == began.node and node["Alive"] for node in self.ray.nodes())

    def _cancel(self, generator: Any) -> None:
        with contextlib.suppress(
            self.ray.exceptions.RayError, ValueError, TypeError
        ):  # it has ended, or the cluster has
            self.ray.cancel(generator, force=True)
