"""Promise against truth: the passes of paper.py once more with values, on this machine's CPU, and the memory that the process really grew by.

Same shapes, but only as many samples as fit into this machine and into a few seconds, three micro-batches of pairs, and a clip of three. What grew
is the largest resident set within the pass less the resident set before it, of a process of its own that has gone through the pass once already
(imports, kernels, caches) and gives free memory back at once. Needs Linux, whose kernel can be told to forget a peak.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from swaptalk_models.errors import UserError
from swaptalk_models.rehearsal.judges import indifferent_judges
from swaptalk_models.rehearsal.live_memory import tensor_bytes
from swaptalk_models.rehearsal.paper import Promise, held_out_promises, other_promise, rehearse_step
from swaptalk_models.rehearsal.passes import OTHERS, STEP, Work, held_out_passes, one_step, other_passes
from swaptalk_models.rehearsal.size import Size, cut_to, step_samples
from swaptalk_models.settings.preset import Preset

MOST = 1.2
"""Times the promise that a pass may take."""
_SMALLEST = 4  # samples
_STEP_TFLOP = 0.15  # of a pass, of which each is gone through twice: seconds on a core
_SHARE = 0.5  # of the memory that is free
FORGET = Path("/proc/self/clear_refs")
"""Where Linux is told to forget the peak of a process."""
_STATUS = Path("/proc/self/status")
_NOISE_BYTES = 2 << 20  # of a resident set: pages that the interpreter and the allocator turn over
# Blocks of any size go back to the system as soon as they are free: what is resident is what is alive.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True)
class Measured:
    """One pass, at a size that fits this machine."""

    model: str
    name: str
    samples: int
    """Of its micro-batch; 0 where it has none."""
    promised: int
    """Bytes that it was to take beside what was there before."""
    measured: int
    """Bytes that it took."""

    @property
    def ratio(self) -> float:
        """What it took, less the noise of a resident set, over what was promised."""
        return max(0, self.measured - _NOISE_BYTES) / max(1, self.promised)

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return self.ratio <= MOST


def measure(name: str, preset: Preset) -> list[Measured]:
    """Every pass of a model (or of `test_videos`, `metrics`), promised and measured.

    Raises:
        UserError: this is not Linux.
    """
    if not FORGET.exists():
        raise UserError("--measure needs Linux: no other system can be told to forget the peak of a process")
    size = fitting_size(name, preset)
    preset = cut_to(name, preset, size) if size.samples else preset
    promises = _promises(name, preset, size)
    found = _in_a_process(name, preset, size)
    return [Measured(p.model, p.name, size.samples, p.together, found[p.name]) for p in promises]


def fitting_size(name: str, preset: Preset) -> Size:
    """As many samples as fit into half of the free memory, and do not take long."""
    if name in OTHERS:
        return _size(0)
    small = _promises(name, cut_to(name, preset, _size(_SMALLEST)), _size(_SMALLEST))
    most = step_samples(name, preset)
    times = min(
        _SHARE * _free_bytes() / max(p.together for p in small),
        _STEP_TFLOP * 1e12 / max(p.flops for p in small),
        most / _SMALLEST,
    )
    samples = _SMALLEST
    while 2 * samples <= min(most, times * _SMALLEST):
        samples *= 2
    return _size(min(samples, most))


def _size(samples: int) -> Size:
    return Size(samples, pairs=3 * samples, frames=max(25, 15 * samples), test_people=2)


def _promises(name: str, preset: Preset, size: Size) -> list[Promise]:
    if not size.samples:
        return [other_promise(name, preset, size)]
    step = rehearse_step(name, preset, size)
    # The batch was there before, and the optimiser's own step is not taken.
    alive = step.alive - tensor_bytes(list(step.batch.values()))
    return [dataclasses.replace(step.promise, together=alive), *held_out_promises(name, preset, size)]


def _in_a_process(name: str, preset: Preset, size: Size) -> dict[str, int]:
    with mock.patch.dict(os.environ, _ALLOCATOR), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, name, preset, size).result()


def _measure(name: str, preset: Preset, size: Size) -> dict[str, int]:
    """Bytes of each pass, by its name."""
    device = torch.device("cpu")
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder, indifferent_judges():
        if not size.samples:
            _, work = other_passes(name, preset, size, device)
            return {OTHERS[name]: growth(work)}
        objective, passes = held_out_passes(name, preset, size, Path(folder), device)
        found = {what: growth(work) for what, work in passes.items()}
        batch = objective.batch(np.random.default_rng(0), size.samples)

        def step() -> None:
            one_step(objective, dict(batch), torch.float32)
            for network in (value for value in vars(objective).values() if isinstance(value, torch.nn.Module)):
                network.zero_grad(set_to_none=True)

        return found | {STEP: growth(step)}


def growth(work: Work) -> int:
    """Bytes that the resident set grows by within a call; the call is made twice."""
    work()
    gc.collect()
    FORGET.write_text("5")
    before = _resident("VmRSS")
    work()
    return resident_peak() - before


def resident_peak() -> int:
    """The largest resident set of this process (bytes) since the kernel was told to forget it."""
    return _resident("VmHWM")


def _resident(what: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(what + ":"))
    return int(line.split()[1]) << 10


def _free_bytes() -> int:
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) << 10
