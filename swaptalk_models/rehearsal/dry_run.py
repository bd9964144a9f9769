"""What a preset costs, without a GPU and without data: every pass is gone through with tensors that have shapes but no values (paper.py)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import needed_models, own_models
from swaptalk_models.rehearsal.held import PROCESS_BYTES, corpus_frames, held_bytes
from swaptalk_models.rehearsal.paper import (
    Promise,
    Step,
    networks_of,
    other_promise,
    rehearse_step,
    trained_networks,
    whole_promises,
)
from swaptalk_models.rehearsal.passes import METRICS, TEACHER, VIDEOS
from swaptalk_models.rehearsal.random_data import untrained
from swaptalk_models.rehearsal.size import LONG_FRAMES, full_size, train_config
from swaptalk_models.settings.preset import Preset

TRAINED = tuple(spec.name for spec in own_models() if spec.objective)
SUSTAINED_TFLOPS = 20
"""What a GPU is taken to keep up (1e12 operations/s) where hours are named: a third of an RTX 4090's, a fifteenth of an H100's bfloat16."""
_SLACK = 1.2  # over what is alive: kernels' own room, and what an allocator loses; `--measure` holds the passes to it
_CONTEXT_BYTES = 512 << 20  # of CUDA, before anything is on the device


@dataclass(frozen=True)
class Cost:
    """One training's size."""

    inputs: dict[str, tuple[int, ...]]
    """Shapes of a joint batch."""
    parameters: int
    """Of the network that is kept."""
    along: int
    """Parameters that are trained along and dropped: margin head, discriminator."""
    frozen: int
    """Parameters of the networks that the losses look through."""
    samples: int
    """Samples of a micro-batch: train.batch / (processes * accumulate)."""
    step_tflop: float
    """Floating-point operations (1e12) of a whole step over all processes: forward and backward, two a multiply-add."""
    steps: int
    processes: int
    step: Promise
    """Memory of a step."""

    @property
    def total_eflop(self) -> float:
        """Floating-point operations (1e18) of all steps."""
        return self.steps * self.step_tflop / 1e6


def dry_run(
    preset: Preset, report: Callable[[str], None] = lambda line: None, frames: int = LONG_FRAMES
) -> dict[str, Any]:
    """Everything that a run of the preset puts its networks through.

    Args:
        frames: of the longest held-out clip.

    Returns:
        {"preset", "shapes": {name: shape}, "macs": {network: count}, "trainings": {name: Cost}, "passes": [Promise], "needs": [Need],
        "total_eflop", "gpu_hours"}.
    """
    trainings: dict[str, Cost] = {}
    passes: list[Promise] = []
    for name in trained_names(preset):
        report(f"{name}: step, validation, finish")
        trainings[name] = training_cost(name, preset)
        passes += [trainings[name].step, *whole_promises(name, preset, full_size(name, preset, frames))]
    for name in (TEACHER, VIDEOS, METRICS):
        report(name)
        passes.append(other_promise(name, preset, full_size(name, preset, frames)))
    total = sum(cost.total_eflop for cost in trainings.values())
    return {
        "preset": preset.name,
        "shapes": {
            "crop": (3, preset.face_crops.size, preset.face_crops.size),
            "latent": (preset.vqgan.dim, preset.grid, preset.grid),
            "codes a frame": (2, preset.vqgan.groups, preset.grid // 2, preset.grid),
        },
        "macs": network_macs(preset),
        "trainings": trainings,
        "passes": passes,
        "needs": [need_of(promise, preset) for promise in passes],
        "total_eflop": total,
        "gpu_hours": total * 1e6 / SUSTAINED_TFLOPS / 3600,
    }


def trained_names(preset: Preset) -> list[str]:
    """What a run of this preset trains; a network that somebody else has trained is none."""
    return [
        m.name for m in needed_models(preset) if m.objective and not getattr(getattr(preset, m.name), "external", "")
    ]


def training_cost(name: str, preset: Preset) -> Cost:
    """One optimiser step of a training, at the point where all its losses have joined."""
    train, size = train_config(name, preset), full_size(name, preset)
    return _cost(rehearse_step(name, preset, size), size.samples, train.batch, train.steps, train.processes)


def _cost(step: Step, samples: int, batch: int, steps: int, processes: int) -> Cost:
    kept = _count(step.objective.model)
    along = sum(_count(network) for network in trained_networks(step.objective) if network is not step.objective.model)
    return Cost(
        inputs={key: (batch, *tensor.shape[1:]) for key, tensor in step.batch.items()},
        parameters=kept,
        along=along,
        frozen=sum(_count(network) for network in networks_of(step.objective)) - kept - along,
        samples=samples,
        step_tflop=step.promise.flops * (batch // samples) / 1e12,
        steps=steps,
        processes=processes,
        step=step.promise,
    )


@dataclass(frozen=True)
class Need:
    """What a machine must have for a pass (bytes)."""

    model: str
    name: str
    gpu: int
    """Memory of a CUDA device, with what kernels and the allocator take beside what is alive; 0 where the preset has none."""
    host: int
    """Memory of the host, for all processes of the training: themselves, what they hold of the corpus, and the pass."""


def need_of(promise: Promise, preset: Preset) -> Need:
    """On the machine that the preset's `budget` is of: with a CUDA device, or without."""
    training = promise.name in ("step", "validation", "finish")
    processes = train_config(promise.model, preset).processes if training else 1
    # One process of a training validates and finishes.
    at_work = processes if promise.name == "step" else 1
    standing = PROCESS_BYTES + (held_bytes(preset, corpus_frames(preset), processes) if training else 0)
    if preset.budget.gpu_gib and promise.device:
        gpu = int(_SLACK * promise.device) + _CONTEXT_BYTES
        return Need(promise.model, promise.name, gpu, processes * standing + at_work * promise.host)
    return Need(
        promise.model,
        promise.name,
        0,
        processes * (standing + promise.weights) + int(_SLACK * at_work * promise.together),
    )


def check_budget(needs: list[Need], preset: Preset) -> None:
    """
    Raises:
        UserError: a pass takes more than the preset's `budget`; it names the first such pass, and how many more there are.
    """
    over = []
    for need in needs:
        for what, takes, most in (
            ("gpu_gib", need.gpu, preset.budget.gpu_gib),
            ("host_gib", need.host, preset.budget.host_gib),
        ):
            if most and takes > most * 2**30:
                over.append(f"{need.name} of {need.model} needs {takes / 2**30:.1f} GiB, budget.{what} is {most:g}")
    if over:
        more = f" (and {len(over) - 1} more)" if len(over) > 1 else ""
        raise UserError(
            f"preset {preset.name} exceeds its budget: {over[0]}{more}: raise train.accumulate or train.processes, or the budget"
        )


def network_macs(preset: Preset) -> dict[str, int]:
    """Multiply-adds of one frame through each network, as at inference."""
    size, grid, dim = preset.face_crops.size, preset.grid, preset.vqgan.dim
    with FakeTensorMode(allow_non_fake_inputs=True):
        image, mel = torch.zeros(1, 3, size, size), torch.zeros(1, 16, 80)
        z, half = torch.zeros(1, dim, grid, grid), torch.zeros(1, dim, grid // 2, grid)
        region = torch.zeros(1, grid, grid, dtype=torch.long)
        vqgan = untrained("vqgan", preset)
        return {
            "identity_encoder": macs(untrained("identity_encoder", preset), image),
            "vqgan encoder": macs(vqgan.encode_halves, image),
            "vqgan decoder": macs(vqgan.decoder, z),
            "face_swapper": macs(untrained("face_swapper", preset), z, region, z, region),
            "lip_sync": macs(untrained("lip_sync", preset), half, z, mel),
            "lip_expert (5 frames)": macs(untrained("lip_expert", preset).video, half.expand(1, 5, *half.shape[1:])),
            "sync_judge (5 frames)": macs(
                untrained("sync_judge", preset).video, image[:, None, :, size // 2 :].expand(1, 5, -1, -1, -1)
            ),
        }


@torch.no_grad()
def macs(network: Any, *inputs: Tensor) -> int:
    """Multiply-adds of a call, by PyTorch's own counter of floating-point operations."""
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops() // 2


def as_json(found: dict[str, Any]) -> dict[str, Any]:
    """``dry_run``'s result as plain values."""
    trainings = {
        name: dataclasses.asdict(cost) | {"total_eflop": cost.total_eflop} for name, cost in found["trainings"].items()
    }
    passes = [
        dataclasses.asdict(promise) | {"gpu_need": need.gpu, "host_need": need.host}
        for promise, need in zip(found["passes"], found["needs"], strict=True)
    ]
    measured = [dataclasses.asdict(row) | {"ratio": row.ratio} for row in found.get("measured", [])]
    plain = {key: value for key, value in found.items() if key not in ("needs", "measured")} | {
        "trainings": trainings,
        "passes": passes,
    }
    return plain | ({"measured": measured} if measured else {})


def _count(module: nn.Module) -> int:
    """Parameters, and the codebooks, which are buffers."""
    return sum(p.numel() for p in module.parameters()) + sum(
        buffer.numel() for name, buffer in module.named_buffers() if name.endswith("codebook")
    )
