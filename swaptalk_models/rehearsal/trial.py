"""A device put to the proof in minutes: every pass of a preset for real, at its own batch sizes, on random data.

Two steps, a validation and a finish of each training (judges that take no time, a clip of ten seconds), the swap teacher, a generation and the
judges; then one training in several processes, which must end with the same weights on all.
"""

from __future__ import annotations

import dataclasses
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import distributed as dist
from torch.multiprocessing.spawn import ProcessException, spawn

from swaptalk_models.rehearsal.dry_run import trained_names
from swaptalk_models.rehearsal.judges import indifferent_judges
from swaptalk_models.rehearsal.measure import FORGET, resident_peak
from swaptalk_models.rehearsal.passes import FINISH, METRICS, OTHERS, STEP, VALIDATION, other_passes
from swaptalk_models.rehearsal.random_data import RandomData, rehearsed
from swaptalk_models.rehearsal.size import Size, full_size, train_config
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.loop import Fit

FRAMES = 250
_LATE = 0.9  # of the training: all losses have joined
_SHARED = "vqgan"  # tried in several processes: gradients, codebooks and an adversary have to agree
_STEPS = 2
_PAIRS = 3  # micro-batches of held-out pairs

Report = Callable[[str], None]


@dataclass(frozen=True)
class Trial:
    """One pass as it went."""

    model: str
    name: str
    seconds: float
    """Of a step: the second one."""
    peak: int
    """Memory at the most (bytes): on a CUDA device all that is allocated there, on a CPU the whole process."""
    precision: str = ""
    """Of a step."""
    fault: str = ""
    """Why it did not go, in one line; empty where it did."""


def try_device(preset: Preset, device: torch.device, compiled: bool, processes: int, report: Report) -> list[Trial]:
    """Every pass of a preset on a device. A pass that fails ends those of its model, and no others'.

    Args:
        compiled: compile the networks for the steps (left out where nothing can be compiled).
        processes: of one more training; 1: none.
    """
    found = []
    for name in trained_names(preset):
        report(f"{name}: two steps, validation, finish")
        found += _try_training(name, preset, device, compiled, report)
    size = Size(0, 0, FRAMES)
    for name, what in OTHERS.items():
        report(f"{name}: {what}")
        place = torch.device("cpu") if name == METRICS else device  # judges measure there
        _, work = other_passes(name, preset, size, place)
        found.append(_timed(name, what, place, work))
    if processes > 1:
        report(f"{_SHARED}: two steps in {processes} processes")
        found.append(_try_processes(preset, device, processes))
    return found


def _try_training(name: str, preset: Preset, device: torch.device, compiled: bool, report: Report) -> list[Trial]:
    full = full_size(name, preset)
    size = dataclasses.replace(full, pairs=min(full.pairs, _PAIRS * full.samples), frames=FRAMES, test_people=3)
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder, indifferent_judges():
        objective, held_out = rehearsed(name, preset, Path(folder), RandomData(preset, clips=size.clips), size.pairs)
        config = _config(name, preset, device, compiled)
        fit = Fit(objective, held_out, config, Path(folder), report)
        fit.step = int(_LATE * config.steps)
        seconds: list[float] = []
        step = _timed(name, STEP, device, lambda: seconds.extend(fit.take(_STEPS)))
        trials = [
            dataclasses.replace(
                step, seconds=seconds[-1] if seconds else 0.0, precision=str(fit.dtype).removeprefix("torch.")
            )
        ]
        for what, work in (
            (VALIDATION, lambda: held_out.validate(fit.average)),
            (FINISH, lambda: held_out.finish(fit.average, Path(folder))),
        ):
            if not trials[-1].fault:
                trials.append(_timed(name, what, device, torch.no_grad()(work)))
    return trials


def _config(name: str, preset: Preset, device: torch.device, compiled: bool, processes: int = 1) -> TrainConfig:
    """The training's own budget in one process, its micro-batch as the batch; with ``processes``, that of each."""
    train = train_config(name, preset)
    samples = full_size(name, preset).samples
    own = dataclasses.replace(train, accumulate=1, processes=processes, batch=samples * processes)
    return dataclasses.replace(own, device=str(device), compile=compiled, minutes=0.0, steps=max(train.steps, 100))


def _timed(model: str, name: str, device: torch.device, work: Callable[[], object]) -> Trial:
    fault, started = "", time.monotonic()
    with _peak(device) as peak:
        try:
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
        except RuntimeError as error:  # out of memory, a kernel that is not there, a driver's
            fault = " ".join(str(error).split())[:200]
    return Trial(model, name, time.monotonic() - started, peak(), fault=fault)


@contextmanager
def _peak(device: torch.device) -> Iterator[Callable[[], int]]:
    """Gives a function that tells the peak since: of a CUDA device, or of the whole process."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        yield lambda: torch.cuda.max_memory_allocated(device)
        return
    if FORGET.exists():
        FORGET.write_text("5")
        yield resident_peak
    else:  # a peak that only grows, in bytes there
        yield lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _try_processes(preset: Preset, device: torch.device, processes: int) -> Trial:
    """Steps of one training, shared out; the processes must agree on the weights to the bit."""
    started, fault = time.monotonic(), ""
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
        try:
            spawn(_one_of_several, (processes, preset, device.type, folder), processes)  # type: ignore[no-untyped-call]
            sums = [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(processes)]
            if any(not torch.equal(sums[0]["weights"], other["weights"]) for other in sums[1:]):
                fault = "the processes ended with different weights"
            seconds = sums[0]["seconds"]
        except (ProcessException, RuntimeError) as error:
            fault, seconds = str(error).strip().splitlines()[-1][:200], time.monotonic() - started
    return Trial(_SHARED, f"{processes} processes", seconds, 0, fault=fault)


def _one_of_several(rank: int, processes: int, preset: Preset, kind: str, folder: str) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    device = torch.device(kind, rank) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if kind == "cuda" else "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=processes
    )
    own = Path(folder) / f"process_{rank}"
    own.mkdir()
    torch.manual_seed(0)
    objective, held_out = rehearsed(_SHARED, preset, own, RandomData(preset))
    fit = Fit(objective, held_out, _config(_SHARED, preset, device, False, processes), own, lambda line: None)
    fit.step = int(_LATE * fit.config.steps)
    seconds = fit.take(_STEPS)
    weights = torch.cat([value.detach().float().flatten().cpu() for value in objective.model.state_dict().values()])
    torch.save({"weights": weights, "seconds": seconds[-1]}, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()
