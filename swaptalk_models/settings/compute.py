"""Where the data stages are done: in worker processes of this machine, or as tasks of a Ray cluster. Light on purpose: read while Dagster's
definitions load."""

from __future__ import annotations

import re
from dataclasses import dataclass

from swaptalk_models.settings.section import require, require_at_least

_HOST_PORT = re.compile(r"[^/\s]+:\d{1,5}")
LOCAL, RAY = "local", "ray"
COMPUTE = (LOCAL, RAY)
"""Words that the setting `compute` takes."""


@dataclass(frozen=True)
class RayConfig:
    """The Ray cluster, where `compute` is `ray`. It decides nothing that is made."""

    address: str = ""
    """HOST:PORT of the cluster's head; this machine has joined it (`ray start --address`). Empty: $RAY_ADDRESS, and where that is empty, too, a
    Ray is started on this machine for the run and stopped after it."""
    in_flight: int = 0
    """Items that are handed to Ray and not done; 0: two groups of them for each CPU of the cluster, a group being what is done in a second."""
    inputs_mib: int = 4096
    """Inputs of items in flight (MiB); beyond it the next group waits. One group alone may take more."""
    gpu_share: float = 0.5
    """Of one GPU, for each process that encodes crops (vq_latents); of a training each process has a GPU of its own."""
    object_store_mib: int = 512
    """Shared memory of a Ray that is started for the run (MiB); what does not fit goes to disk."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "in_flight")
        require_at_least(self, 1, "inputs_mib")
        require(
            0 < self.gpu_share <= 1, f"gpu_share is {self.gpu_share:g}, not a share of one GPU: more than 0, at most 1"
        )
        require_at_least(self, 100, "object_store_mib")
        require(
            self.address in ("", "auto", "local") or bool(_HOST_PORT.fullmatch(self.address)),
            "address must be HOST:PORT of the cluster's head, as in head:6379, or auto, or local; through Ray's client, ray://, no files are sent",
        )
