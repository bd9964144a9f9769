"""Hosts of a private network on this machine: each is a network namespace with an address, a /tmp and processes of its own.

Nothing of it can be reached from outside, and no host sees another's files. Needs root, `ip` and a kernel that makes namespaces, bridges and pairs of
virtual links.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SWITCH_ADDRESS = "10.77.0.1"
NETWORK = "10.77.0.0/24"
_CLONE_NEWNET = 0x40000000
# The host's own /tmp hides that of the machine, and with it the folders of all hosts.
_WITH_OWN_TMP = 'mount --bind "$0" /tmp && cd /tmp && exec "$@"'


class Network:
    """A switch, to which hosts are plugged. Servers that no host may lose are started ``at_switch``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.hosts: list[Host] = []
        _ip("netns", "add", name)
        self._set("link", "add", "switch", "type", "bridge")
        self._set("addr", "add", f"{SWITCH_ADDRESS}/24", "dev", "switch")
        for link in ("switch", "lo"):
            self._set("link", "set", link, "up")

    def _set(self, *words: str) -> None:
        _ip("-netns", self.name, *words)

    def plug(self, name: str) -> Host:
        """One more host."""
        host = Host(self, name, f"10.77.0.{11 + len(self.hosts)}")
        _ip("netns", "add", host.namespace)
        self._set("link", "add", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        self._set("link", "set", host.name, "master", "switch")
        _ip("-netns", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
        for link in ("eth0", "lo"):
            _ip("-netns", host.namespace, "link", "set", link, "up")
        host.mend_link()
        self.hosts.append(host)
        return host

    @contextlib.contextmanager
    def at_switch(self) -> Iterator[None]:
        """Within, this thread and what it starts are in the switch's namespace."""
        library = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.name}") as ours:
            _enter(library, ours.fileno())
            try:
                yield
            finally:
                _enter(library, before.fileno())

    def close(self) -> None:
        for host in self.hosts:
            host.kill()
            _ip("netns", "delete", host.namespace)
        _ip("netns", "delete", self.name)
        shutil.rmtree(self.folder, ignore_errors=True)


class Host:
    """One of them."""

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.network, self.name, self.address = network, name, address
        self.namespace = f"{network.name}-{name}"
        self.tmp = network.folder / name
        self.tmp.mkdir()

    def start(self, *command: object, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
        """A process in a session of its own; what it prints is appended to ``log``."""
        words = ["ip", "netns", "exec", self.namespace, "sh", "-c", _WITH_OWN_TMP, str(self.tmp), *map(str, command)]
        environment = env | {"HOME": "/tmp", "TMPDIR": "/tmp"}
        with open(log, "ab") as output:
            return subprocess.Popen(words, env=environment, stdout=output, stderr=output, start_new_session=True)

    def pids(self) -> dict[int, str]:
        """{process: its command line}"""
        found = {}
        for pid in map(int, _ip("netns", "pids", self.namespace).split()):
            with contextlib.suppress(OSError):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return found

    def kill(self) -> None:
        """All of its processes at once, and its files: who comes back is a new host."""
        until = time.monotonic() + 10
        while (pids := self.pids()) and time.monotonic() < until:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        shutil.rmtree(self.tmp, ignore_errors=True)
        self.tmp.mkdir()

    def cut_link(self) -> None:
        _ip("-netns", self.network.name, "link", "set", self.name, "down")

    def mend_link(self) -> None:
        _ip("-netns", self.network.name, "link", "set", self.name, "up")


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Raises OSError or CalledProcessError where this machine makes no namespaces."""
    made = Network(f"swaptalk{os.getpid()}")
    try:
        yield made
    finally:
        made.close()


def unavailable() -> str:
    """Why no network can be made here; nothing if it can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if shutil.which("ip") is None:
        return "needs `ip`: apt-get install iproute2"
    try:
        with network() as made:
            made.plug("one")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"this kernel makes no network namespaces ({getattr(error, 'stderr', '') or error})".strip()
    return ""


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def _enter(library: ctypes.CDLL, namespace: int) -> None:
    if library.setns(namespace, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
