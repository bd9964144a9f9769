"""Runs that a power cut or a kill left behind: Dagster counts them as going on for ever, and they keep the slot of
the pool `gpu`.

A run of the command line holds a lock while it lives: a file's, which the operating system drops with the process, however that
ends, or, where the home's state lies in Postgres, one of the database, which other hosts see, too. A run of the UI lives in a code
server, which answers while it lives.
"""

from __future__ import annotations

import fcntl
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.locks import Locks, is_locked
from swaptalk_models.data.store.state_store import marker_file, postgres_address

if TYPE_CHECKING:
    import dagster as dg

CLI_TAG = "swaptalk/command"
SERVER_TAG = ".dagster/grpc_info"
ALIVE, DEAD, UNKNOWN = "alive", "dead", "unknown"


@dataclass(frozen=True)
class LeftRun:
    """A run that says it is going on."""

    run_id: str
    job: str
    state: str
    """ALIVE, DEAD, or UNKNOWN: started by something else than us (`dagster job execute`), or, where hosts share a home's state in
    Postgres, by a UI that does not answer here; or Postgres has just been started, and whoever lives may not have its lock again yet."""


@contextmanager
def held_alive(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the lock that says that this run's process lives."""
    locks = _postgres_locks(instance)
    if locks is not None:
        with locks.waiting(_lock_name(run_id)):
            yield
        return
    path = _lock_file(instance, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def left_runs(instance: dg.DagsterInstance) -> list[LeftRun]:
    """Every run that has started and not ended, by what can be known of it."""
    import dagster as dg

    going = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    return [
        LeftRun(run.run_id, run.job_name, _state(instance, run))
        for run in instance.get_runs(dg.RunsFilter(statuses=going))
    ]


def free(instance: dg.DagsterInstance, run_id: str) -> None:
    """End a run that has no process any more, and give back its slots."""
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(
            run, "The process of this run has died (power cut, kill). Its finished work is kept: run again."
        )
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    _lock_file(instance, run_id).unlink(missing_ok=True)


def free_dead(instance: dg.DagsterInstance, also_unknown: bool = False) -> list[LeftRun]:
    """Free every dead run and every slot of a run that has ended. Returns the runs freed."""
    states = (DEAD, UNKNOWN) if also_unknown else (DEAD,)
    freed = [left for left in left_runs(instance) if left.state in states]
    for left in freed:
        free(instance, left.run_id)
    for run_id in instance.event_log_storage.get_concurrency_run_ids():
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return freed


def _lock_file(instance: dg.DagsterInstance, run_id: str) -> Path:
    return Path(instance.root_directory) / "alive" / run_id


def _lock_name(run_id: str) -> str:
    return f"run/{run_id}"


def _postgres_locks(instance: dg.DagsterInstance) -> Locks | None:
    """Those of the home whose instance this is, where its state lies in Postgres."""
    root = Path(instance.root_directory).parent
    if not postgres_address() or not marker_file(root).is_file():
        return None
    return Home(root).locks_in_use


def _state(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    locks = _postgres_locks(instance)
    if CLI_TAG in run.tags:
        if locks is None:
            return ALIVE if is_locked(_lock_file(instance, run.run_id)) else DEAD
        if locks.is_held(_lock_name(run.run_id)):
            return ALIVE
        return DEAD if locks.settled() else UNKNOWN
    if SERVER_TAG in run.tags:
        if _answers(json.loads(run.tags[SERVER_TAG])):
            return ALIVE
        return UNKNOWN if locks else DEAD  # it may live on another host, which is not asked
    return UNKNOWN


def _answers(server: dict) -> bool:
    """Whether a code server listens where the run said that its own does."""
    family, address = (
        (socket.AF_UNIX, server["socket"])
        if server.get("socket")
        else (socket.AF_INET, (server["host"], server["port"]))
    )
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(2)
            connection.connect(address)
    except OSError:
        return False
    return True
