"""A training over the hosts of a Ray cluster: the processes that torchrun would start, as actors, and started again from the last checkpoint when
one of them is lost.

No file system is shared. A host that does not see the home is sent what the training reads; the driver alone writes the model's folder.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.parcels import PIECES_AHEAD, pieces
from swaptalk_models.data.engine.ray_cluster import connected
from swaptalk_models.data.engine.ray_devices import device_there, gpus_each
from swaptalk_models.data.store.storage_address import marker_file, storage_of
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import CHECKPOINT_FILE, ModelFolder
from swaptalk_models.settings.compute import RayConfig
from swaptalk_models.training.ray_rank import Part, Place, Rank
from swaptalk_models.training.spec import TrainSpec

LOSSES = 3
"""So many losses without a new checkpoint between them are no chance: the training ends, and says so."""
ROOM_S = 60.0
"""A cluster that has become too small is as large as before within this time (s), or the training ends."""
_TICK_S = 2.0
_SETTLE_S = 5.0  # until all that goes wrong at once has been said


class Lost(Exception):
    """A process of the training is gone, or has lost the others."""


@dataclass(frozen=True)
class Shape:
    """What the training's processes are, each."""

    count: int
    cpus: int
    gpus: float

    @property
    def environment(self) -> dict[str, str]:
        """As torchrun sets it: threads decide the last bits of what a CPU adds up."""
        threads = str(self.cpus)
        return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)


def train_on_ray(
    spec: TrainSpec,
    config: RayConfig,
    cpus: int,
    report: Callable[[str], None] = print,
    warn: Callable[[str], None] | None = None,
) -> ModelFolder:
    """``training.run.train`` of a network on a Ray cluster, with the same weights to the bit as with as many processes on one host.

    Args:
        cpus: of a Ray that has to be started for it.
        warn: is told of losses; by default as ``report``.

    Raises:
        UserError: as ``train``; no such cluster; it has too few CPUs or GPUs, or loses its hosts.
        Diverged: as ``train``.
    """
    folder = ModelFolder(Path(spec.output))
    if folder.done:
        return folder
    folder.path.mkdir(parents=True, exist_ok=True)
    with connected(config, max(cpus, spec.config["train"]["processes"])) as ray:
        shape = _shape(ray, spec)
        losses, before = 0, _stamp(folder)
        while not folder.done:
            try:
                _Ranks(ray, spec, shape, report).run()
                assert folder.done, folder.path
            except Lost as lost:
                losses = 1 if _stamp(folder) != before else losses + 1
                before = _stamp(folder)
                if losses >= LOSSES:
                    raise UserError(
                        f"{spec.name}: {lost}, {LOSSES} times without a step forward: see to the cluster's hosts and run again"
                    ) from lost
                (warn or report)(f"{spec.name}: {lost}; all begin again from the last checkpoint")
            except ray.exceptions.RayError as error:
                said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                raise UserError(f"the Ray cluster has failed ({said}): run again, checkpoints are kept") from error
    (folder.path / CHECKPOINT_FILE).unlink(missing_ok=True)
    return folder


def _stamp(folder: ModelFolder) -> int:
    path = folder.path / CHECKPOINT_FILE
    return path.stat().st_mtime_ns if path.is_file() else 0


def _shape(ray: Any, spec: TrainSpec) -> Shape:
    """UserError: the cluster is too small."""
    count, device = spec.config["train"]["processes"], spec.config["train"]["device"]
    asked_by = f"{spec.name}.train.device={device}, {spec.name}.train.processes={count}"
    gpus = gpus_each(ray, device, 1, count, asked_by)
    hosts = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    # One process alone has a host's CPUs, as it has without Ray.
    each = 1 if gpus or count > 1 else max(hosts, default=0)
    if sum(hosts) < max(1, count * each):
        raise UserError(
            f"{asked_by}: the Ray cluster has {sum(hosts)} CPUs, one is needed for each process: start more hosts"
        )
    return Shape(count, each, gpus)


class _Ranks:
    """One attempt."""

    def __init__(self, ray: Any, spec: TrainSpec, shape: Shape, report: Callable[[str], None]):
        self.ray, self.spec, self.shape, self.report = ray, spec, shape, report
        self.folder = Path(spec.output)
        self.losses = (
            *(ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError),
            *(ray.exceptions.ObjectLostError, ray.exceptions.OutOfMemoryError),
        )

    def run(self) -> None:
        """Until the model's folder is whole.

        Raises:
            Lost: it can be tried again.
        """
        with self._actors() as actors:
            try:
                places = self.ray.get([actor.where.remote() for actor in actors])
                where = ", ".join(f"{place.host} (process {place.pid})" for place in places)
                self.report(f"{self.spec.name}: {len(places)} process{'es' * (len(places) > 1)} on {where}")
                specs = self._send(actors, places)
            except self.losses as error:
                said = " ".join(str(error).split())[:300]
                raise Lost(f"a host or process was lost at the start ({type(error).__name__}: {said})") from error
            self._follow(actors, places, specs)

    @contextlib.contextmanager
    def _actors(self) -> Iterator[list[Any]]:
        from ray.util.placement_group import placement_group, remove_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        shape = self.shape
        bundle = {"CPU": shape.cpus} | ({"GPU": shape.gpus} if shape.gpus else {})
        group = placement_group([bundle] * shape.count, strategy="PACK")
        actors: list[Any] = []
        try:
            self._wait_for_room(group)
            for number in range(shape.count):
                placed = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=number)
                how = {"num_cpus": shape.cpus, "num_gpus": shape.gpus, "max_restarts": 0, "scheduling_strategy": placed}
                how["runtime_env"] = {"env_vars": shape.environment}
                actors.append(self.ray.remote(Rank).options(**how).remote())
            yield actors
        finally:
            for actor in actors:
                self.ray.kill(actor)
            remove_placement_group(group)

    def _wait_for_room(self, group: Any) -> None:
        """Others' work is waited for; hosts that are not there only for a while."""
        enough_at, told = time.monotonic(), False
        while not group.wait(_TICK_S):
            there = self.ray.cluster_resources()
            enough = there.get("CPU", 0) >= self.shape.cpus * self.shape.count
            enough = enough and there.get("GPU", 0) >= self.shape.gpus * self.shape.count
            enough_at = time.monotonic() if enough else enough_at
            if time.monotonic() - enough_at > ROOM_S:
                raise UserError(
                    f"{self.spec.name}: the Ray cluster has lost the hosts for {self.shape.count} processes: "
                    "start them and run again, checkpoints are kept"
                )
            if not told:
                told = True
                self.report(f"{self.spec.name}: waits until the Ray cluster has room")

    def _send(self, actors: list[Any], places: list[Place]) -> dict[str, TrainSpec]:
        """{host: the training with that host's paths}, when all that it reads is there. The first process of a host takes it for all."""
        first: dict[str, tuple[Any, Place]] = {}
        for actor, place in zip(actors, places, strict=True):
            first.setdefault(place.node, (actor, place))
        blind = self._blind([actor for actor, _ in first.values()])
        specs = {}
        for (node, (actor, place)), is_blind in zip(first.items(), blind, strict=True):
            specs[node] = spec_at(self.spec, Path(place.folder), is_blind, device_there(self.shape.gpus))
            for path, name in files_read(self.spec, is_blind).items():
                for piece in pieces(path):  # one at a time: a corpus does not fit into a store of objects
                    self.ray.get(actor.write.remote(name, piece))
        return specs

    def _blind(self, actors: list[Any]) -> list[bool]:
        """Of each actor whether its host does not see the home."""
        token, content = self.folder / f".seen.{secrets.token_hex(8)}.part", secrets.token_hex(16)
        token.write_text(content)
        try:
            return [not seen for seen in self.ray.get([actor.sees.remote(str(token), content) for actor in actors])]
        finally:
            token.unlink(missing_ok=True)

    def _follow(self, actors: list[Any], places: list[Place], specs: Mapping[str, TrainSpec]) -> None:
        running, received = {}, _Received(self.folder)
        for rank, (actor, place) in enumerate(zip(actors, places, strict=True)):
            train = actor.train.options(
                num_returns="streaming", _generator_backpressure_num_objects=PIECES_AHEAD
            ).remote(specs[place.node], _torchrun(rank, places))
            running[train] = rank
        try:
            while running:
                ready, _ = self.ray.wait([*running], num_returns=1, timeout=_TICK_S, fetch_local=False)
                for train in ready:
                    try:
                        message = self.ray.get(next(train))
                        received.take(message) if isinstance(message, Part) else self.report(message.line)
                    except StopIteration:
                        del running[train]
                    except self.ray.exceptions.RayError as error:
                        rank = running.pop(train)
                        raise self._meaning(error, places[rank], running) from error
        finally:
            received.close()

    def _meaning(self, error: Exception, place: Place, running: dict[Any, int]) -> Exception:
        """Of the first error that is seen. Where one process dies the others fail as well: the cause may be told last."""
        errors, until = [error], time.monotonic() + _SETTLE_S
        while running and time.monotonic() < until and not self._is_loss(errors[-1]):
            ready, _ = self.ray.wait([*running], num_returns=1, timeout=1.0, fetch_local=False)
            for train in ready:
                try:
                    self.ray.get(next(train))
                except StopIteration:
                    del running[train]
                except self.ray.exceptions.RayError as another:
                    del running[train]
                    errors.append(another)
        if any(self._is_loss(one) for one in errors):
            return Lost("a process or its host was lost")
        causes = [getattr(one, "cause", None) or one for one in errors]
        for cause in sorted(causes, key=lambda cause: not isinstance(cause, UserError)):
            if not _of_a_link(cause):
                return cause if isinstance(cause, Exception) else error
        return Lost(f"the link to {place.host} was lost")

    def _is_loss(self, error: Exception) -> bool:
        return isinstance(error, self.losses)


def _of_a_link(cause: BaseException) -> bool:
    """Whether this is what torch says when another process does not answer."""
    return type(cause).__name__.startswith("Dist") or "gloo" in str(cause).lower()


def _torchrun(rank: int, places: list[Place]) -> dict[str, str]:
    """What torchrun sets for a process; nothing where there is one alone. Ray shows each process its own GPU only: it is the first."""
    if len(places) == 1:
        return {}
    beside = sum(place.node == places[rank].node for place in places)
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(len(places)),
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": str(beside),
        "MASTER_ADDR": places[0].address,
        "MASTER_PORT": str(places[0].port),
    }


class _Received:
    """Files of the model's folder on their way here. Each takes its place when all of it has come."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.aside = folder / f".received.{secrets.token_hex(8)}.part"

    def take(self, part: Part) -> None:
        with open(self.aside, "ab") as file:
            file.write(part.content)
        if part.last:
            place = self.folder / part.name
            place.parent.mkdir(parents=True, exist_ok=True)
            self.aside.replace(place)

    def close(self) -> None:
        self.aside.unlink(missing_ok=True)


def files_read(spec: TrainSpec, blind: bool) -> dict[Path, str]:
    """{file at the driver: where it goes in a host's scratch folder}.

    Args:
        blind: whether the host does not see the home.
    """
    folders = {Path(spec.start): "start"} if spec.start else {}
    checkpoint = Path(spec.output) / CHECKPOINT_FILE
    found = {checkpoint: f"output/{spec.version}/{CHECKPOINT_FILE}"} if checkpoint.is_file() else {}
    if blind:
        home = Path(spec.home)
        codes = ("vq_latents",) if "vq_latents" in MODELS[spec.name].reads else ()
        tables = [home / "tables" / f"{table}.lance" for table in ("face_crops", "mels", *codes)]
        for folder in (*tables, Path(spec.snapshot).parent, *map(Path, spec.inputs.values())):
            folders[folder] = f"home/{folder.relative_to(home)}"
        if storage_of(home):  # tables are read from there, by keys that the host's own environment has
            found[marker_file(home)] = f"home/{marker_file(home).name}"
    for folder, name in folders.items():
        found |= {path: f"{name}/{path.relative_to(folder)}" for path in sorted(folder.rglob("*")) if path.is_file()}
    return found


def spec_at(spec: TrainSpec, scratch: Path, blind: bool, device: str) -> TrainSpec:
    """The same training with the paths of a host's scratch folder."""

    def there(path: str) -> str:
        return str(scratch / "home" / Path(path).relative_to(spec.home)) if blind else path

    return replace(
        spec,
        home=str(scratch / "home") if blind else spec.home,
        snapshot=there(spec.snapshot),
        inputs={name: there(path) for name, path in spec.inputs.items()},
        output=str(scratch / "output" / spec.version),
        start=str(scratch / "start") if spec.start else "",
        config={**spec.config, "train": {**spec.config["train"], "device": device}},
    )
