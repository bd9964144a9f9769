"""What a preset may take. Light on purpose: read while Dagster's definitions load."""

from __future__ import annotations

from dataclasses import dataclass

from swaptalk_models.settings.section import require_at_least


@dataclass(frozen=True)
class BudgetConfig:
    """Memory that every pass of a preset has to fit into. It decides nothing that is made: `swaptalk run --dry-run` fails where it is exceeded."""

    gpu_gib: float = 0.0
    """Memory of one CUDA device (GiB), its context included. 0: there is none, and what would be on it counts as the host's."""
    host_gib: float = 0.0
    """Memory of the host (GiB), for all processes of a training together. 0: no limit."""
    hours: float = 0.0
    """Hours of video whose codes, sound and crops a training holds on the host. 0: as many as the phantom corpus has."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "gpu_gib", "host_gib", "hours")
