"""Who takes groups of items on a Ray cluster: tasks, each for itself, or actors that keep a network between them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Protocol

from swaptalk_models.data.engine.items import Item, Result, Work
from swaptalk_models.data.engine.parcels import PIECES_AHEAD, SentGroup
from swaptalk_models.data.engine.ray_work import ItemActor, do_group
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError

NO_HOST_S = 60.0
"""A cluster without a host that can do the work gets one within this time (s), or the run ends."""
AHEAD = 2
"""Groups that a worker has been given: the next one is there when it has done one."""
STILLBORN = 5
"""So many actors that die before they are there, one after the other, are no chance."""
_TICK_S = 2.0
_STREAM = {"num_returns": "streaming", "_generator_backpressure_num_objects": PIECES_AHEAD}


def _kept_there(item: Item, home: Home, params: Any) -> Result:
    """Stands for the work that an actor has; it may hold megabytes."""
    raise AssertionError("an actor does its own work")


class Hosts:
    """What the cluster has, asked now and then."""

    def __init__(self, ray: Any, resource: str):
        self._ray, self._resource = ray, resource
        self._asked_at, self._there_at = 0.0, time.monotonic()
        self._alive: frozenset[str] = frozenset()
        self._count = 0.0

    def count(self) -> float:
        """Of what the work needs, `CPU` or `GPU`, over all hosts."""
        self._ask()
        return self._count

    def alive(self, now: bool = False) -> frozenset[str]:
        """Names of the hosts that live."""
        self._ask(now)
        return self._alive

    def require(self) -> None:
        """UserError: there has been none for ``NO_HOST_S``."""
        if not self.count() and time.monotonic() - self._there_at > NO_HOST_S:
            raise UserError(
                "the Ray cluster has no host left that works: start one and run again, what is done is kept"
            )

    def _ask(self, now: bool = False) -> None:
        if not now and time.monotonic() - self._asked_at < _TICK_S:
            return
        living = [node for node in self._ray.nodes() if node["Alive"]]
        self._alive = frozenset(node["NodeID"] for node in living)
        self._count = sum(node["Resources"].get(self._resource, 0) for node in living)
        self._asked_at = time.monotonic()
        if self._count:
            self._there_at = time.monotonic()


class Hands(Protocol):
    """Workers of a cluster."""

    hosts: Hosts

    def width(self) -> int:
        """Groups that are worked on at the same time; at least 1."""
        ...

    def hand_out(self, group: SentGroup) -> Any:
        """A generator of references to the group's messages."""
        ...

    def took(self, generator: Any, lost: bool = False) -> None:
        """The group has ended, or its worker was lost."""
        ...

    def close(self) -> None:
        """Nothing of it stays."""
        ...


class TaskHands:
    """A task a group, one CPU each; Ray chooses a worker process."""

    def __init__(self, ray: Any):
        self.hosts = Hosts(ray, "CPU")
        self._remote = ray.remote(num_cpus=1, max_retries=0)(do_group).options(**_STREAM)

    def width(self) -> int:
        """See ``Hands``."""
        return max(1, int(self.hosts.count()))

    def hand_out(self, group: SentGroup) -> Any:
        """See ``Hands``."""
        return self._remote.remote(group)

    def took(self, generator: Any, lost: bool = False) -> None:
        """See ``Hands``."""

    def close(self) -> None:
        """See ``Hands``."""


class ActorHands:
    """Actors for a work that holds a network; one that has died is replaced."""

    def __init__(self, ray: Any, work: Work, gpus: float):
        """``gpus``: of each actor; 0: it works on a CPU."""
        self._ray, self._gpus = ray, gpus
        self.hosts = Hosts(ray, "GPU" if gpus else "CPU")
        self._remote = ray.remote(ItemActor).options(num_cpus=1, num_gpus=gpus, max_restarts=0)
        self._work = ray.put(work)
        self._starting: dict[Any, Any] = {}  # reference that it is there: actor
        self._ready: list[Any] = []
        self._groups: dict[Any, Any] = {}  # generator: actor
        self._stillborn = 0
        self._start()

    def width(self) -> int:
        """See ``Hands``. Those that wait for others' work to end do not count.

        Raises:
            RayActorError: none can be started.
        """
        self._start()
        started, _ = (
            self._ray.wait([*self._starting], num_returns=len(self._starting), timeout=0)
            if self._starting
            else ([], [])
        )
        for reference in started:
            actor = self._starting.pop(reference)
            try:
                self._ray.get(reference)
                self._ready.append(actor)
                self._stillborn = 0
            except self._ray.exceptions.RayActorError:
                self._stillborn += 1
                if self._stillborn >= STILLBORN:
                    raise
        return max(1, len(self._ready))

    def _start(self) -> None:
        wanted = int(self.hosts.count() // self._gpus if self._gpus else self.hosts.count())
        for _ in range(wanted - len(self._starting) - len(self._ready)):
            actor = self._remote.remote(self._work)
            self._starting[actor.ready.remote()] = actor

    def hand_out(self, group: SentGroup) -> Any:
        """See ``Hands``. Waits for the first actor."""
        while not self._ready:
            self.hosts.require()
            self._ray.wait([*self._starting], timeout=_TICK_S) if self._starting else time.sleep(_TICK_S)
            self.width()
        busy = [*self._groups.values()]
        actor = min(self._ready, key=busy.count)
        generator = actor.do.options(**_STREAM).remote(replace(group, work=_kept_there))
        self._groups[generator] = actor
        return generator

    def took(self, generator: Any, lost: bool = False) -> None:
        """See ``Hands``."""
        actor = self._groups.pop(generator)
        if lost:
            self._ready = [one for one in self._ready if one is not actor]

    def close(self) -> None:
        """See ``Hands``."""
        for actor in [*self._ready, *self._starting.values()]:
            self._ray.kill(actor)
