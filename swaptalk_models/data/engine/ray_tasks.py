"""A stage's items on the workers of a Ray cluster: on every host, with no file system shared, and with the outcomes of worker processes.

Items go in groups, so that short ones do not spend their time on Ray's messages. What is lost is done again. A host's death is nobody's fault;
a worker that dies may be its item's doing, so that one is tried once more alone, when all others are done, and if its worker dies again it goes
into quarantine.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.deadline import GRACE_S
from swaptalk_models.data.engine.items import Needs, Work
from swaptalk_models.data.engine.loans import Loans
from swaptalk_models.data.engine.parcels import PIECE_BYTES, SentGroup, SentItem, code_stamp
from swaptalk_models.data.engine.ray_cluster import INSTALL, connected
from swaptalk_models.data.engine.ray_devices import device_there, gpus_each
from swaptalk_models.data.engine.ray_hands import AHEAD, ActorHands, Hands, TaskHands
from swaptalk_models.data.engine.receipt import Receipt
from swaptalk_models.data.engine.workers import Outcome, Task, crashed, too_long
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import RayConfig

_LOG = logging.getLogger(__name__)

HOSTS_LOST = 5
"""So many hosts that die under one item are no chance: the run ends, and says so."""
GROUP_S = 1.0
"""Work of a group (s): some hundred times what its messages take."""
GROUP_ITEMS = 16
_TICK_S = 2.0
_SETTLE_S = 2.0  # until the cluster knows that a host is gone whose worker has just died


@dataclass(frozen=True)
class OnDevice:
    """Work that holds a network."""

    asked: str
    """Device: `auto`, `cpu` or `cuda`."""
    work: Callable[[str], Work]
    """(device) -> the work as it is done there; it travels."""


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
    network: OnDevice | None = None
    """Takes the place of the tasks' work."""
    check: Callable[[], None] = lambda: None
    """Called every few seconds; what it raises ends the work."""

    def outcomes(self, tasks: Iterator[Task], count: int) -> Iterator[Outcome]:
        """See ``Executor``.

        Raises:
            UserError: also when there is no such cluster, it loses all its hosts, or has no GPU that is asked for.
        """
        with connected(self.config, self.cpus) as ray:
            yield from _Flow(self, ray, count).run(tasks)


@dataclass
class _Job:
    """An item from the first attempt to its outcome."""

    task: Task
    crashes: int = 0
    hosts_lost: int = 0


@dataclass
class _Attempt:
    """Jobs that one worker has been given; it does them in this order."""

    hosts: frozenset[str]
    """That lived when it was handed out."""
    since: float = field(default_factory=time.monotonic)
    jobs: list[_Job] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    lent: list[str] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    """References that have to live as long as the worker may ask for them."""
    sizes: list[int] = field(default_factory=list)
    """Of each job, what travels along (bytes)."""
    done: int = 0

    @property
    def left(self) -> list[_Job]:
        """Of which no outcome has come."""
        return self.jobs[self.done :]

    @property
    def bytes(self) -> int:
        """That travel along with these."""
        return sum(self.sizes[self.done :])


class _Flow:
    """Hands out groups, no more than there is room for, and sorts what comes back."""

    def __init__(self, what: RayTasks, ray: Any, count: int):
        self.what, self.ray, self.loans, self.left = what, ray, Loans(), count
        self.running: dict[Any, _Attempt] = {}
        self.lost: deque[_Job] = deque()
        self.suspects: deque[_Job] = deque()
        self.worked, self.worked_seconds = 0, 0.0
        self._hands: Hands | None = None

    def run(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        jobs = (_Job(task) for task in tasks)
        try:
            while True:
                self.what.check()
                with self._failures():
                    while self._has_room() and self._submit(jobs):
                        pass
                    if not self.running:
                        if not self.suspects:
                            return
                        self._submit(iter([self.suspects.popleft()]))  # alone, and nothing joins it
                if outcome := self._look():
                    yield outcome
        finally:
            for generator, attempt in self.running.items():
                self._cancel(generator)
                for receipt in attempt.receipts:
                    receipt.discard()
            self.running.clear()
            if self._hands:
                self._hands.close()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """What is wrong with the cluster, and not with an item, is the user's to mend."""
        try:
            yield
        except self.ray.exceptions.RayError as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise UserError(f"the Ray cluster has failed ({said}): run again, what is done is kept") from error

    def _hands_here(self) -> Hands:
        if self._hands is None:
            network, share = self.what.network, self.what.config.gpu_share
            if network:
                asked_by = f"{self.what.stage} on {network.asked}, ray.gpu_share={share:g}"
                gpus = gpus_each(self.ray, network.asked, share, 1, asked_by)
                self._hands = ActorHands(self.ray, network.work(device_there(gpus)), gpus)
            else:
                self._hands = TaskHands(self.ray)
        return self._hands

    def _has_room(self) -> bool:
        if any(job.crashes for attempt in self.running.values() for job in attempt.left):
            return False
        if self.running and self._bytes() >= self.what.config.inputs_mib << 20:
            return False
        if self.what.config.in_flight:
            return self._items() < self.what.config.in_flight
        return self._hands is None or len(self.running) < AHEAD * self._hands.width()

    def _bytes(self) -> int:
        """Inputs under way."""
        return self.loans.bytes + sum(attempt.bytes for attempt in self.running.values())

    def _items(self) -> int:
        """Under way."""
        return sum(len(attempt.left) for attempt in self.running.values())

    def _group_size(self, hands: Hands) -> int:
        """As many items as are done in ``GROUP_S``, and no more than leave something to the other workers."""
        if not self.worked:
            return 1
        quick, most = (
            int(GROUP_S / max(self.worked_seconds / self.worked, GROUP_S / GROUP_ITEMS)),
            self.what.config.in_flight,
        )
        share = (most or self.left) // (AHEAD * hands.width())
        return max(1, min(quick, share, most - self._items() if most else share))

    def _submit(self, jobs: Iterator[_Job]) -> bool:
        """Hand out the next group. False: there is none."""
        again = bool(self.lost)
        job = self.lost.popleft() if again else next(jobs, None)
        if job is None:
            return False
        hands = self._hands_here()
        attempt = _Attempt(hands.hosts.alive())
        sent, size = [self._pack(job, attempt)], 1 if again or job.crashes else self._group_size(hands)
        most = min(PIECE_BYTES, (self.what.config.inputs_mib << 20) - self._bytes())
        while len(sent) < size and attempt.bytes < most and (job := next(jobs, None)) is not None:
            sent.append(self._pack(job, attempt))
        work, _, home, params, limit = attempt.jobs[0].task
        group = SentGroup(work, params, limit, str(home.root), code_stamp(), tuple(sent))
        self.running[hands.hand_out(group)] = attempt
        return True

    def _pack(self, job: _Job, attempt: _Attempt) -> SentItem:
        _, item, home, _, _ = job.task
        attempt.jobs.append(job)
        attempt.receipts.append(Receipt(self.what.stage, job.task))
        size = 0
        files: dict[str, bytes | list[Any]] = {}
        for path in self.what.needs.files(home, item):
            with contextlib.suppress(OSError):  # it cannot be read, which the work says better
                if path.stat().st_size <= PIECE_BYTES:
                    files[str(path)] = content = path.read_bytes()
                    size += len(content)
                else:
                    files[str(path)] = self.loans.lend(path)
                    attempt.lent.append(str(path))
        rows: dict[str, Any] = {}
        for table in self.what.needs.tables:
            rows[table] = held = tables.read_clip(home, table, item.clip)
            size += held.nbytes
            if held.nbytes > PIECE_BYTES:
                rows[table] = self.ray.put(held)
                attempt.kept.append(rows[table])
        attempt.sizes.append(size)
        return SentItem(
            item, files, rows, tuple(str(p.relative_to(home.root)) for p in self.what.files(home, item.clip))
        )

    def _look(self) -> Outcome | None:
        """Take one message of one worker, if any has come."""
        ready, _ = self.ray.wait([*self.running], num_returns=1, timeout=_TICK_S, fetch_local=False)
        if not ready:
            assert self._hands is not None
            self._hands.hosts.require()
            return None
        (generator,) = ready
        attempt, errors = self.running[generator], self.ray.exceptions
        try:
            parts = self.ray.get(next(generator))
        except StopIteration:
            assert not attempt.left, attempt.left[0].task[1].clip
            self._end(generator)
            return None
        except errors.RayError as error:
            lost = isinstance(error, (errors.RayActorError, errors.ActorDiedError))
            return self._sort(self._end(generator, lost), error)
        receipt = attempt.receipts[attempt.done]
        for part in parts:
            receipt.take(part)
        if not receipt.complete:
            return None
        attempt.done += 1
        self.left -= 1
        outcome = receipt.outcome()
        self.worked, self.worked_seconds = self.worked + 1, self.worked_seconds + outcome[3]
        return outcome

    def _end(self, generator: Any, lost: bool = False) -> _Attempt:
        attempt = self.running.pop(generator)
        for path in attempt.lent:
            self.loans.give_back(path)
        assert self._hands is not None
        self._hands.took(generator, lost)
        return attempt

    def _sort(self, attempt: _Attempt, error: Exception) -> Outcome | None:
        """What a failure means: an outcome, or None, where all is tried again. Of a group the first item without an outcome was worked on."""
        for receipt in attempt.receipts[attempt.done :]:
            receipt.discard()
        if not attempt.left:
            return None  # it died when all had come
        errors, job = self.ray.exceptions, attempt.left[0]
        cause = getattr(error, "cause", None) if isinstance(error, errors.RayTaskError) else error
        if isinstance(cause, (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.RayActorError)):
            if not self._host_died(attempt):
                if not job.crashes:
                    self._tell("a worker process died", len(attempt.left))
                self.lost.extend(attempt.left[1:])
                return self._suspect(job, time.monotonic() - attempt.since)
            cause = errors.NodeDiedError("")
        if isinstance(cause, (errors.NodeDiedError, errors.ObjectLostError)):
            self._tell("a host of the Ray cluster was lost", len(attempt.left))
            for one in attempt.left:
                self._again(one, error)
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

    def _tell(self, what: str, items: int) -> None:
        _LOG.warning("%s: %s; what it had not done (items: %d) is done again", self.what.stage, what, items)

    def _suspect(self, job: _Job, seconds: float) -> Outcome | None:
        """Of an item whose worker has died under it."""
        item, limit = job.task[1], job.task[4]
        job.crashes += 1
        if job.crashes == 1:
            self.suspects.append(job)
            return None
        self.left -= 1
        if limit is not None and seconds >= limit + GRACE_S:
            return item, None, too_long(item, limit), seconds
        return item, None, crashed(item), 0.0

    def _again(self, job: _Job, error: Exception) -> None:
        job.hosts_lost += 1
        if job.hosts_lost >= HOSTS_LOST:
            raise UserError(
                f"{HOSTS_LOST} hosts of the Ray cluster died one after the other: see to them and run again"
            ) from error
        (self.suspects if job.crashes else self.lost).append(job)

    def _host_died(self, attempt: _Attempt) -> bool:
        """Whether a host has gone meanwhile: it may have been the worker's."""
        time.sleep(_SETTLE_S)
        assert self._hands is not None
        return bool(attempt.hosts - self._hands.hosts.alive(now=True))

    def _cancel(self, generator: Any) -> None:
        with contextlib.suppress(
            self.ray.exceptions.RayError, ValueError, TypeError
        ):  # it has ended, or the cluster has
            self.ray.cancel(generator, force=self.what.network is None)
