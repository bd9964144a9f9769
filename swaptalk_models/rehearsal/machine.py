"""How much memory this machine has."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def host_bytes() -> float:
    """Memory of the host; where a container has less, the container's."""
    total = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limit = _CGROUP.read_text().strip() if _CGROUP.is_file() else ""
    return min(total, float(limit)) if limit.isdigit() else total


def gpu_bytes() -> list[float]:
    """Memory of each CUDA device; none where there is none. Imports torch."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [float(torch.cuda.get_device_properties(number).total_memory) for number in range(count)]
