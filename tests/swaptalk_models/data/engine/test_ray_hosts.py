"""Hosts that die and drivers that are killed. Two daemons of Ray on this machine stand for two hosts: each has a temporary folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")

from swaptalk_models.data.engine import runner
from swaptalk_models.data.engine.ray_cluster import connected
from swaptalk_models.data.engine.ray_look import ClusterFacts, cluster_facts
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import RayConfig

from . import ray_toys as toys
from .ray_toys import content, counts, items, leftovers, run

ROOT = Path(__file__).parents[4]
_AGENTS = b"ray::DashboardAgent", b"ray::RuntimeEnvAgent"
_CLIPS = [f"v_{i:02d}" for i in range(16)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture(scope="module")
def cluster() -> Iterator:
    """A head that does no work, beside the driver; hosts are the tests' to add."""
    from ray.cluster_utils import Cluster

    quick = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    quiet = {"include_dashboard": False, "object_store_memory": 100 << 20, "_system_config": quick}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0} | quiet)
        patch.setenv("RAY_ADDRESS", found.address)
        yield found
        found.shutdown()


@contextlib.contextmanager
def host(cluster, folder: Path, monkeypatch) -> Iterator:
    """One more, whose tasks keep their files in this folder."""
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("RAY_TMPDIR", "/tmp")
        node = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
    try:
        yield node
    finally:
        with contextlib.suppress(KeyError, ValueError, RuntimeError):
            cluster.remove_node(node, allow_graceful=False)


def test_a_host_that_dies_is_no_clips_fault(cluster, home: Home, tmp_path: Path, monkeypatch):
    """The item that waits for ever on the first host is done on the second when the first has gone."""
    mark = tmp_path / "mark"
    todo = items(*_CLIPS, v_00=["waits", str(mark)], v_05="deadly")
    with host(cluster, tmp_path / "one", monkeypatch) as first, contextlib.ExitStack() as stack:

        def fall(done: list[int]) -> None:
            if not done:
                stack.enter_context(host(cluster, tmp_path / "two", monkeypatch))
                cluster.remove_node(first, allow_graceful=False)
            done.append(1)

        done: list[int] = []
        submit, looked = toys.RayTasks.outcomes, []

        def watched(self, tasks, count):
            from swaptalk_models.data.engine import ray_tasks

            look = ray_tasks._Flow._look

            def looking(flow):
                if mark.is_file() and not looked:
                    looked.append(1)
                    fall(done)
                return look(flow)

            monkeypatch.setattr(ray_tasks._Flow, "_look", looking)
            return submit(self, tasks, count)

        monkeypatch.setattr(toys.RayTasks, "outcomes", watched)
        report = run(home, todo, config=RayConfig(in_flight=4))
    assert done and counts(report) == (15, 0, 1), "only the clip that kills its worker is in quarantine"
    assert content(home) == [(clip, frame) for clip in _CLIPS if clip != "v_05" for frame in range(toys.FRAMES)]
    assert [*leftovers(home)] == []


def test_another_python_is_told_in_one_line(cluster, monkeypatch):
    monkeypatch.setattr("ray._private.utils.compute_version_info", lambda: ("2.60.0", "3.99.1"))
    with (
        pytest.raises(
            UserError, match=r"Version mismatch: .*3\.99\.1.*: install the same Python and the same ray"
        ) as error,
        connected(RayConfig(), 1),
    ):
        pass
    assert "\n" not in str(error.value)


def test_what_the_cluster_has_is_told(cluster, tmp_path: Path, monkeypatch):
    with host(cluster, tmp_path / "one", monkeypatch):
        _until(lambda: sum(node["Alive"] for node in cluster.global_state.node_table()) == 2, 30)  # no earlier test's
        facts = cluster_facts(RayConfig())
    assert facts == ClusterFacts(cluster.address, 1, 1, 0, facts.memory_gib, facts.object_store_gib, ())
    assert facts.memory_gib > 0 and facts.object_store_gib > 0


def _long_run(root: str) -> None:
    """The driver that will be killed: a Ray of its own."""
    runner.GROUP_CLIPS = 2
    run(Home(Path(root)), items(*_CLIPS, **dict.fromkeys(_CLIPS, "slow")))


def test_a_driver_killed_and_run_again_is_as_if_undisturbed(home: Home, monkeypatch):
    code = "import sys; from tests.swaptalk_models.data.engine.test_ray_hosts import _long_run; _long_run(sys.argv[1])"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_ADDRESS": "local"}
    driver = subprocess.Popen([sys.executable, "-c", code, str(home.root)], cwd=ROOT, env=environment)
    _until(lambda: home.table("mels").is_dir() or driver.poll() is not None, 60)
    time.sleep(0.2)
    # Ray's two agents do nothing any more, but try for a minute to tell of it.
    own = [pid for pid in _descendants(driver.pid) if not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_AGENTS)]
    driver.send_signal(signal.SIGKILL)
    assert driver.wait() == -signal.SIGKILL and len(own) > 3
    _until(lambda: not any(map(_lives, own)), 20)
    assert not [*filter(_lives, own)], "nothing of its Ray outlives it"
    report = run(home, items(*_CLIPS, **dict.fromkeys(_CLIPS, "slow")), ray=False)
    assert report.computed + report.cached == 16 and report.cached > 0 and not report.quarantined
    assert content(home) == [(clip, frame) for clip in _CLIPS for frame in range(toys.FRAMES)]
    assert [*leftovers(home)] == []


def _until(holds, seconds: float) -> None:
    last = time.monotonic() + seconds
    while not holds() and time.monotonic() < last:
        time.sleep(0.05)


def _descendants(pid: int) -> list[int]:
    """All processes that a process has started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, of in parents.items() if of == parent]
    return found[1:]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
