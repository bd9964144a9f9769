"""Three hosts that share no file, the tables on an S3 server, the state in Postgres: whatever is lost while the data stages, the codes and a training
are under way, the home is the undisturbed one of a single machine, row for row and weight for weight.

Hosts are network namespaces (`network.py`): the first has the head of Ray and the driver, two work. The losses are a worker process, a host, a link.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")
pytest.importorskip("moto", reason="moto's server is not installed")

from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.store.state_store import VARIABLE as STATE
from swaptalk_models.data.store.storage_address import VARIABLE as STORAGE

from ..postgres_server import postgres_server, programs
from ..s3_server import BUCKET, KEYS, s3_server
from .network import NETWORK, SWITCH_ADDRESS, Host, Network, network, unavailable

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "init": "none",
    "clips.chunk_seconds": 1,
    "sync_judge.train.steps": 2,
    "identity_encoder.train.steps": 4,
    "vqgan.train.steps": 24,
    "vqgan.train.batch": 4,
    "vqgan.train.processes": 2,  # one on each host that works
    "vqgan.train.checkpoint_seconds": 0.5,
}
_QUICK = {  # of the head: a host that is silent for six seconds is lost
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "4",
}
_RAY = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0" * 64,
    "RAY_worker_niceness": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_CONTENT = (sys.executable, "-m", "tests.hosts.content")
_GIVEN_UP_S = 8.0  # until the head has told all that a silent host is lost
_AGENTS = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SWAPTALK_", "DAGSTER_"))}
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


def run_command(home: str, videos: str, *words: str) -> list[str]:
    settings = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    command = [
        sys.executable,
        "-m",
        "pipelines.cli.main",
        "run",
        "--preset",
        "tiny",
        "--videos",
        videos,
        "--home",
        home,
    ]
    return [*command, "--until", "vq_latents", *settings, *words]


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_corpus(folder, 4, 4.0, size=160)
    return folder


@pytest.fixture(scope="module")
def undisturbed(videos: Path, tmp_path_factory) -> dict:
    """What one machine makes of it, with SQLite and a folder."""
    home = tmp_path_factory.mktemp("one machine") / "home"
    subprocess.run(run_command(str(home), str(videos)), check=True, env=environment(), cwd=ROOT, capture_output=True)
    return json.loads(subprocess.check_output([*_CONTENT, str(home)], env=environment(), cwd=ROOT))


class Laboratory:
    """The cluster, its servers, and one home after another on it."""

    def __init__(self, net: Network, store: str, database: str, videos: Path) -> None:
        self.net, self.videos = net, videos
        self.runs: list[str] = []
        self.head, self.one, self.two = (net.plug(name) for name in ("head", "one", "two"))
        self.address = f"{self.head.address}:6379"
        self.shared = environment(**KEYS, **_RAY, **{STATE: database, "AWS_ENDPOINT_URL": store})
        self._ray(self.head, "--head", "--port=6379", "--num-cpus=0", "--include-dashboard=false", **_QUICK)
        for host in (self.one, self.two):
            self.join(host)

    def join(self, host: Host) -> None:
        self._ray(host, f"--address={self.address}", "--num-cpus=1")

    def _ray(self, host: Host, *words: str, **more: str) -> None:
        command = ("ray", "start", *words, f"--node-ip-address={host.address}", f"--object-store-memory={100 << 20}")
        log = self.net.folder / f"{host.name}.log"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        if host.start(*command, env=self.shared | more | {"PATH": path}, log=log).wait(120):
            raise RuntimeError(f"ray start on {host.name}: {log.read_text()[-2000:]}")

    def ledgers(self) -> list[str]:
        """Schemas in the database that have one."""
        return self._asked("SELECT table_schema FROM information_schema.tables WHERE table_name = 'work'")

    def entered(self, stage: str, before: set[str]) -> int:
        """Clips of a stage in the one ledger that was not there before."""
        new = [schema for schema in self.ledgers() if schema not in before]
        return self._asked(f"SELECT count(*) FROM {new[0]}.work WHERE stage = '{stage}'")[0] if new else 0

    def _asked(self, question: str) -> list:
        import psycopg2

        with contextlib.closing(psycopg2.connect(self.shared[STATE])) as connection, connection.cursor() as cursor:
            cursor.execute(question)
            return [row[0] for row in cursor.fetchall()]

    def working(self) -> Host | None:
        """A host that does something for the driver just now."""
        return next((host for host in (self.one, self.two) if busy(host)), None)

    @contextlib.contextmanager
    def run(self, name: str) -> Iterator[Run]:
        """`swaptalk run` on the head's host, of a home that is nowhere yet."""
        (self.head.tmp / name).mkdir()
        self.runs.append(name)
        shutil.copytree(self.videos, self.head.tmp / name / "videos")
        log = self.net.folder / f"{name}.log"
        env = self.shared | {STORAGE: f"s3://{BUCKET}/{name}", "RAY_ADDRESS": self.address}
        command = run_command(f"/tmp/{name}/home", f"/tmp/{name}/videos", "--compute", "ray")
        run = Run(self, env, self.head.start("env", f"--chdir={ROOT}", *command, env=env, log=log), log)
        try:
            yield run
        finally:
            run.process.kill()
            run.process.wait()

    def content(self, run: Run, name: str) -> dict:
        """As another host sees it, one that has nothing yet but the addresses."""
        command = [*_CONTENT, f"/tmp/{name}-looked-at"]
        log = self.net.folder / f"{name}-content.log"
        assert self.head.start("env", f"--chdir={ROOT}", *command, env=run.env, log=log).wait(120) == 0, log.read_text()
        return json.loads(log.read_text().splitlines()[-1])


def busy(host: Host) -> list[int]:
    """Processes of a host that do something for the driver just now."""
    return [pid for pid, line in host.pids().items() if line.startswith("ray::") and not line.startswith(_AGENTS)]


class Run:
    """A driver at work."""

    def __init__(self, laboratory: Laboratory, env: dict[str, str], process: subprocess.Popen, log: Path) -> None:
        self.laboratory, self.env, self.process, self.log = laboratory, env, process, log

    @property
    def said(self) -> str:
        return self.log.read_text()

    def until(self, holds: Callable[[], object], seconds: float = 180.0) -> object:
        last = time.monotonic() + seconds
        while time.monotonic() < last and self.process.poll() is None:
            if found := holds():
                return found
            time.sleep(0.02)
        raise AssertionError(f"{'it ended' if self.process.poll() is not None else 'in vain'}: {self.said[-3000:]}")


class Loss:
    """Something that goes wrong with a host; what is told of it stands in the module's docstring."""

    def happen(self, host: Host) -> None:
        """At once."""
        raise NotImplementedError

    def mend(self, host: Host, laboratory: Laboratory) -> None:
        """A new host takes the lost one's place."""
        host.kill()
        laboratory.join(host)


class KilledWorker(Loss):
    def happen(self, host: Host) -> None:
        os.kill(busy(host)[0], signal.SIGKILL)

    def mend(self, host: Host, laboratory: Laboratory) -> None:
        """Ray starts another."""


class KilledHost(Loss):
    def happen(self, host: Host) -> None:
        host.kill()


class CutLink(Loss):
    """The host works on and knows of nothing; it is mended when the others have given it up."""

    def happen(self, host: Host) -> None:
        host.cut_link()

    def mend(self, host: Host, laboratory: Laboratory) -> None:
        time.sleep(_GIVEN_UP_S)
        host.kill()
        host.mend_link()
        laboratory.join(host)


@pytest.fixture(scope="module")
def laboratory(videos: Path) -> Iterator[Laboratory]:
    if why := unavailable():
        pytest.skip(why)
    postgres = programs()
    if postgres is None:
        pytest.skip("no Postgres server to be started: apt-get install postgresql")
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(network())
        stack.enter_context(net.at_switch())
        store = stack.enter_context(s3_server(SWITCH_ADDRESS))
        database = stack.enter_context(postgres_server(postgres, SWITCH_ADDRESS, NETWORK))
        yield Laboratory(net, store, database, videos)


@pytest.mark.slow
@pytest.mark.parametrize("loss", [KilledWorker(), KilledHost(), CutLink()], ids=lambda loss: type(loss).__name__)
def test_what_is_lost_is_made_again_to_the_bit(loss: Loss, laboratory: Laboratory, undisturbed: dict):
    name, seconds, ledgers = type(loss).__name__, {}, set(laboratory.ledgers())
    with laboratory.run(name) as run:
        models = laboratory.head.tmp / name / "home" / "models"
        for stage, under_way in {
            "face_crops": lambda: laboratory.entered(
                "face_crops", ledgers
            ),  # the first half; others may be at work beside it
            "vqgan": lambda: [*models.glob("vqgan/*/checkpoint.pt")],
            "vq_latents": lambda: finished(run, "vqgan"),
        }.items():
            run.until(under_way)
            host = run.until(laboratory.working)
            began = time.monotonic()
            loss.happen(host)
            assert not finished(run, stage), f"{stage} was over before anything was lost"
            loss.mend(host, laboratory)
            run.until(lambda stage=stage: finished(run, stage))
            seconds[stage] = round(time.monotonic() - began, 1)
        run.until(lambda: "done in" in run.said)
        assert run.process.wait(60) == 0, run.said[-3000:]
    print(f"{name}: seconds from the loss to the stage's end {seconds}\n{run.said}")
    assert re.search("^  vqgan: .* begin again from the last checkpoint$", run.said, re.MULTILINE), run.said[-3000:]
    assert laboratory.content(run, name) == undisturbed
    assert len(laboratory.ledgers()) == 1 + laboratory.runs.index(name), (
        "whoever works has no state of its own, though its host could"
    )


def finished(run: Run, stage: str) -> bool:
    """Whether the run has said how long it took."""
    return re.search(rf"^  {stage} +[0-9.]+ s$", run.said, re.MULTILINE) is not None
