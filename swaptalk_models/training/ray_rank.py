"""One process of a training on a Ray cluster. It reads a copy of what it needs, or the home where its host sees it, and writes nothing there:
what the first process makes goes to the driver, file by file, while the training goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from swaptalk_models.data.engine.parcels import PIECE_BYTES
from swaptalk_models.data.engine.scratch import scratch_folder
from swaptalk_models.modules.model_folder import ModelFolder
from swaptalk_models.training.spec import TrainSpec

LOOK_S = 1.0
"""What the training has written is looked for as often (s)."""
_SIOCGIFADDR = 0x8915  # linux/sockios.h


@dataclass(frozen=True)
class Place:
    """Where a process is."""

    node: str
    """Ray's name of the host's daemon."""
    host: str
    address: str
    """Of the host in the cluster's network."""
    pid: int
    port: int
    """That was free."""
    folder: str
    """Its scratch folder."""


@dataclass(frozen=True)
class Said:
    """A line of the training's report."""

    line: str


@dataclass(frozen=True)
class Part:
    """A piece of a file that the training has written."""

    name: str
    """From the model's folder on."""
    content: bytes
    last: bool


class Rank:
    """A Ray actor."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._folder = self._stack.enter_context(scratch_folder())

    def where(self) -> Place:
        """Also that it is there at all."""
        import ray

        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        node, address = ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()
        return Place(node, socket.gethostname(), address, os.getpid(), port, str(self._folder))

    def sees(self, token: str, content: str) -> bool:
        """Whether this host reads the very file that the driver has written."""
        try:
            return Path(token).read_text() == content
        except OSError:
            return False

    def write(self, name: str, piece: bytes) -> None:
        """Append to a file of the scratch folder."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as file:
            file.write(piece)

    def train(self, spec: TrainSpec, environment: Mapping[str, str]) -> Iterator[Said | Part]:
        """Train, and tell. Only the first process has anything to tell.

        Args:
            spec: paths are this host's.
            environment: torchrun's variables.

        Raises:
            What ``training.run.train`` raises.
        """
        from swaptalk_models.training.run import train

        os.environ.update(environment)
        _name_interface(environment.get("MASTER_ADDR", ""))
        first = environment.get("RANK", "0") == "0"
        lines: SimpleQueue[str] = SimpleQueue()
        sent = {path: _stamp(path.stat()) for path in Path(spec.output).rglob("*")}  # came from the driver
        with ThreadPoolExecutor(1, "training") as thread:
            training = thread.submit(train, spec, lines.put)
            training.add_done_callback(lambda _: lines.put(""))
            while not training.done():
                yield from _lines(lines, LOOK_S) if first else _lines(lines, LOOK_S, told=False)
                if first:
                    yield from _changed(Path(spec.output), sent)
            training.result()
        if first:
            yield from _lines(lines, 0.0)
            yield from _changed(Path(spec.output), sent)


def _lines(lines: SimpleQueue[str], seconds: float, told: bool = True) -> Iterator[Said]:
    """What has been said; if nothing, what is said within the time."""
    with contextlib.suppress(Empty):
        line = lines.get(timeout=seconds) if seconds else lines.get_nowait()
        while True:
            if line and told:
                yield Said(line)
            line = lines.get_nowait()


def _changed(folder: Path, sent: dict[Path, tuple[int, int]]) -> Iterator[Part]:
    """Files that were written since they were sent, the result last: it says that all others are there."""
    result = ModelFolder(folder).path / "result.json"
    for path in sorted(folder.rglob("*"), key=lambda path: (path == result, path)):
        if not path.is_file() or path.name.startswith("."):
            continue
        try:
            file = open(path, "rb")  # noqa: SIM115 - and it stays this one, whatever takes its place meanwhile
        except FileNotFoundError:
            continue  # the training has removed it
        with file:
            stamp = _stamp(os.fstat(file.fileno()))
            if sent.get(path) == stamp:
                continue
            name, piece = str(path.relative_to(folder)), file.read(PIECE_BYTES)
            while after := file.read(PIECE_BYTES):
                yield Part(name, piece, last=False)
                piece = after
            yield Part(name, piece, last=True)
            sent[path] = stamp


def _stamp(known: os.stat_result) -> tuple[int, int]:
    return known.st_mtime_ns, known.st_size


def _name_interface(master: str) -> None:
    """On a host with several networks Gloo and NCCL would take one by its name: they are told that of the cluster's."""
    import ray

    if not master or not hasattr(socket, "if_nameindex"):
        return
    own = ray.util.get_node_ip_address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asked, _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue
            if socket.inet_ntoa(answer[20:24]) == own:
                for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
                    os.environ.setdefault(variable, name)
