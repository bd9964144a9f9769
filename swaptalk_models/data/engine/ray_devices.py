"""Where a network works on a Ray cluster, decided from what the cluster has before anything is started there."""

from __future__ import annotations

import math
from typing import Any

from swaptalk_models.errors import UserError


def gpus_each(ray: Any, device: str, share: float, processes: int, asked_by: str) -> float:
    """GPUs that Ray reserves for each process: ``share``, or 0 where they work on the CPU.

    Args:
        device: `auto` is the GPUs where the cluster has any; which one a process gets is Ray's to say.
        share: of one GPU, up to 1.
        processes: that have to work at the same time.
        asked_by: names the settings, in what is said where they cannot be had.

    Raises:
        UserError: GPUs are wanted, and the cluster has none or too few.
    """
    there = int(ray.cluster_resources().get("GPU", 0))
    if device == "cpu" or (device == "auto" and not there):
        return 0.0
    if processes > there * math.floor(1 / share + 1e-9):
        wanted = f"{processes} process{'es' * (processes > 1)}"
        raise UserError(
            f"{asked_by}: {share:g} of a GPU is needed for each of {wanted}, and the Ray cluster has {there or 'no'} GPU: "
            "start a host that has one, ask for fewer processes, or set the device to cpu"
        )
    return share


def device_there(gpus: float) -> str:
    """The device of a process for which so many GPUs are reserved: it sees no others."""
    return "cuda" if gpus else "cpu"
