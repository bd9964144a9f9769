"""What a Ray cluster has, and whether its hosts can do our work. Asked in a process of its own, so that nothing of it stays and it may hang."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version

from swaptalk_models.data.engine.ray_cluster import cluster_address, require_ray
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import RayConfig

ANSWER_S = 60.0
_HOST_S = 20.0  # a host that has not said by then which SwapTalk it has, has none that works


@dataclass(frozen=True)
class ClusterFacts:
    """Of a cluster that answers."""

    address: str
    hosts: int
    cpus: int
    gpus: int
    memory_gib: float
    object_store_gib: float
    faults: tuple[str, ...]
    """A line for each host that cannot do our work."""


def ray_version() -> str:
    """Of the package that is installed. UserError: none is."""
    require_ray()
    return version("ray")


def cluster_facts(config: RayConfig) -> ClusterFacts | None:
    """Of the cluster that the setting or RAY_ADDRESS names; None: none is named.

    Raises:
        UserError: it does not answer, or does not let us in.
    """
    address = cluster_address(config)
    if not address:
        return None
    command = [sys.executable, "-W", "ignore", "-m", "swaptalk_models.data.engine.ray_look", address]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        raise UserError(f"the Ray cluster at {address} has not answered in {ANSWER_S:g} s") from None
    if asked.returncode:
        raise UserError((asked.stderr.strip().splitlines() or [f"the Ray cluster at {address} cannot be asked"])[-1])
    found = json.loads(asked.stdout.strip().splitlines()[-1])
    return ClusterFacts(**found | {"faults": tuple(found["faults"])})


def _look(address: str) -> ClusterFacts:
    from swaptalk_models.data.engine.parcels import code_stamp
    from swaptalk_models.data.engine.ray_cluster import connected

    with connected(RayConfig(address), 1) as ray:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        stamp = ray.remote(num_cpus=0, max_retries=0)(code_stamp)
        asked = {
            stamp.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(): node
            for node in nodes
        }
        if asked:
            ray.wait([*asked], num_returns=len(asked), timeout=_HOST_S)
        faults, alive = [], {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        asked = {answer: node for answer, node in asked.items() if node["NodeID"] in alive}
        for answer, node in asked.items():
            try:
                same = ray.get(answer, timeout=0.1) == code_stamp()
                fault = "" if same else "another version of SwapTalk"
            except ray.exceptions.RayError:
                fault = "no SwapTalk that works"
            if fault:
                faults.append(f"host {node['NodeManagerHostname']} has {fault}: install the driver's version there")
        total = ray.cluster_resources()
    gib = 2.0**30
    return ClusterFacts(
        address,
        len(asked),
        int(total.get("CPU", 0)),
        int(total.get("GPU", 0)),
        total.get("memory", 0) / gib,
        total.get("object_store_memory", 0) / gib,
        tuple(faults),
    )


if __name__ == "__main__":
    try:
        print(json.dumps(vars(_look(sys.argv[1]))))
    except UserError as error:
        sys.exit(str(error))
