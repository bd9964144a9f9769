"""What is said of a cluster that is not there, or not the right one."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from swaptalk_models.data.engine import ray_cluster as module
from swaptalk_models.data.engine.ray_cluster import cluster_address, connected, require_ray
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import RayConfig

ROOT = Path(__file__).parents[4]
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'swaptalk[ray]'"
)


def test_without_ray_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'swaptalk\[ray\]'"):
        require_ray()


def test_the_setting_names_the_cluster_then_the_environment():
    environment = {"RAY_ADDRESS": "there:6379"}
    assert cluster_address(RayConfig("here:6379"), environment) == "here:6379"
    assert cluster_address(RayConfig(), environment) == "there:6379"
    assert cluster_address(RayConfig("local"), environment) == cluster_address(RayConfig(), {}) == ""
    with pytest.raises(UserError, match="RAY_ADDRESS is 'ray://there:10001': address must be HOST:PORT"):
        cluster_address(RayConfig(), {"RAY_ADDRESS": "ray://there:10001"})


@needs_ray
def test_a_cluster_that_is_not_there_is_told_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UserError, match=f"no Ray cluster answers at {address}"), connected(RayConfig(address), 1):
            pass


@needs_ray
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.12.1\n"),
            "same Python",
        ),
        (ValueError("cannot find the node; check if a raylet is running"), "has not joined it: `ray start --address="),
        (ConnectionError("Invalid token"), "Invalid token"),
    ],
)
def test_what_ray_says_becomes_one_line_with_its_cure(monkeypatch, fault, said):
    import ray

    def failing(**how):
        raise fault

    monkeypatch.setattr(ray, "init", failing)
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        head.listen()
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with pytest.raises(UserError, match=said) as error, connected(RayConfig(address), 1):
            pass
    assert "\n" not in str(error.value) and str(error.value).startswith(f"the Ray cluster at {address}")


def test_nothing_of_ray_is_imported_where_it_is_not_asked_for():
    code = (
        "import sys, swaptalk_models.data.stages.registry, swaptalk_models.data.engine.ray_tasks, pipelines.definitions;"
        "sys.exit('ray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, check=False).returncode == 0
