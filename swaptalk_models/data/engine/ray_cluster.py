"""The Ray cluster of a run: one that somebody has started, or one that is started on this machine and stopped after the run.

Ray is imported only where `compute` is `ray`. Light on purpose: Dagster's definitions load this.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import RayConfig

INSTALL = "pip install 'swaptalk[ray]'"
_ANSWER_S = 5.0  # the head's port answers within this time, or there is no cluster
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
# Ray starts its workers with a niceness of 15: beside anything else that works on the machine they get a thirtieth of its time.
_NOT_NICE = {"RAY_worker_niceness": "0"}
_SAID = 300  # letters of what Ray says of a fault

_users: list[int] = []  # of the connection; with the last one it ends
_own: list[str] = []  # of a connection that this module has made: the folder of a Ray that it has started, or ""


def require_ray() -> Any:
    """The package. UserError: it is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UserError(
            f"compute is ray, and Ray is not installed: {INSTALL}, on every host of the cluster, or --compute local"
        )
    import ray

    return ray


def cluster_address(config: RayConfig, environment: Mapping[str, str] = os.environ) -> str:
    """HOST:PORT of the cluster's head, or `auto`; empty: one is to be started on this machine.

    Raises:
        UserError: RAY_ADDRESS is none of these.
    """
    address = config.address or environment.get("RAY_ADDRESS", "")
    try:
        RayConfig(address)
    except ValueError as error:
        raise UserError(f"RAY_ADDRESS is {address!r}: {error}") from None
    return "" if address == "local" else address


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """A Ray that is used within the block stays until its end: stages that follow one another start it once."""
    _users.append(1)
    try:
        yield
    finally:
        _users.pop()
        if not _users:
            _leave()


@contextlib.contextmanager
def connected(config: RayConfig, cpus: int) -> Iterator[Any]:
    """The package, connected. A connection that is there is used, whoever has made it.

    Args:
        cpus: of a Ray that has to be started.

    Raises:
        UserError: Ray is not installed; no cluster answers; it has another version of Ray or Python, or another token.
    """
    ray = require_ray()
    with kept():
        if not ray.is_initialized():
            _own[:] = [_connect(ray, config, cpus)]
        yield ray


def _leave() -> None:
    if _own:
        import ray

        folder = _own.pop()
        ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)  # Ray itself keeps the logs of each for ever


def _connect(ray: Any, config: RayConfig, cpus: int) -> str:
    """The folder of a Ray that was started, or ""."""
    from swaptalk_models.data.engine.workers import WORKER_ENVIRONMENT

    address = cluster_address(config)
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address:
        _knock(address)
        # A started cluster's workers have its own environment, not this process's.
        how |= {"address": address, "runtime_env": {"env_vars": WORKER_ENVIRONMENT}}
    else:
        how |= {"address": "local", "num_cpus": cpus, "include_dashboard": False}
        how |= {"object_store_memory": config.object_store_mib << 20}
    # What Ray's daemons have to say of a lost worker or host would be printed on stdout, among ours; the outcomes tell it better.
    ray._private.worker.print_to_stdstream = _log
    with _environment(_QUIET if address else WORKER_ENVIRONMENT | _QUIET | _NOT_NICE), _signals():
        try:
            context = ray.init(**how)
            return "" if address else str(context.address_info["session_dir"])
        except Exception as error:  # Ray raises its own, and plain RuntimeError, ConnectionError, ValueError, Exception
            ray.shutdown()
            where = f"the Ray cluster at {address}" if address else "a Ray on this machine"
            raise UserError(f"{where} cannot be used: {_said(error)}{_cure(address, error)}") from error


def _log(said: Mapping[str, Any], *_: object, **__: object) -> None:
    logging.getLogger(__name__).info("%s: %s", said.get("pid"), "\n".join(said.get("lines", ())))


def _knock(address: str) -> None:
    """Ray itself would go on asking for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"no Ray cluster answers at {address} ({error}): start one (`ray start --head`), or --compute local"
        ) from None


def _said(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if len(words) <= _SAID else f"{words[:_SAID]} ..."


def _cure(address: str, error: Exception) -> str:
    said = str(error)
    if "ersion mismatch" in said:
        return ": install the same Python and the same ray on every host"
    if address and ("raylet" in said or "node_ip_address" in said or "local node" in said):
        return f": this machine has not joined it: `ray start --address={address} --num-cpus=0`"
    return ""


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """For the processes that are started in the block; this one keeps its own."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Ray puts a handler of its own on SIGTERM; Dagster has one, too, and was first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
