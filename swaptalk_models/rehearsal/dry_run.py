"""What a preset costs, without a GPU and without data: a step of every training is taken with tensors that have shapes but no values."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from swaptalk_models.graph.models import own_models
from swaptalk_models.rehearsal.random_data import RandomData, rehearsed_objective, untrained
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.objective import Batch, Objective

TRAINED = tuple(spec.name for spec in own_models() if spec.objective)
_STATES = 5  # copies of a trained weight: itself, its gradient, AdamW's two moments, the moving average


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
    weights_bytes: int
    """Float32 weights of all networks, gradients, AdamW's moments and the moving average, on one GPU."""
    activations_bytes: int
    """What a micro-batch keeps for its backward pass, on one GPU."""
    steps: int
    processes: int

    @property
    def bytes(self) -> int:
        """On one GPU. What kernels and the allocator need for themselves comes on top."""
        return self.weights_bytes + self.activations_bytes

    @property
    def total_eflop(self) -> float:
        """Floating-point operations (1e18) of all steps."""
        return self.steps * self.step_tflop / 1e6


def dry_run(preset: Preset) -> dict[str, Any]:
    """{"preset", "shapes": {name: shape}, "macs": {network: count}, "trainings": {name: Cost}}."""
    return {
        "preset": preset.name,
        "shapes": {
            "crop": (3, preset.face_crops.size, preset.face_crops.size),
            "latent": (preset.vqgan.dim, preset.grid, preset.grid),
            "codes a frame": (2, preset.vqgan.groups, preset.grid // 2, preset.grid),
        },
        "macs": network_macs(preset),
        "trainings": {name: training_cost(name, preset) for name in TRAINED},
    }


def training_cost(name: str, preset: Preset) -> Cost:
    """One optimiser step of a training, at the point where all its losses have joined. `auto` precision is bfloat16, as on a GPU."""
    train: TrainConfig = getattr(preset, name).train
    dtype = torch.float32 if train.dtype == "float32" else torch.bfloat16
    samples = train.batch // (train.processes * train.accumulate)
    data = RandomData(preset, decoded=False)
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
        with FakeTensorMode(allow_non_fake_inputs=True) as fake:
            objective = rehearsed_objective(name, preset, Path(folder), data)
        real = rehearsal_batch(objective, samples)
        flops, kept = _step(objective, {key: fake.from_tensor(tensor) for key, tensor in real.items()}, fake, dtype)
    kept_parameters = _count(objective.model)
    along = sum(_count(module) for module in _trained_along(objective))
    everything = sum(_count(value) for value in vars(objective).values() if isinstance(value, nn.Module))
    frozen = everything - kept_parameters - along
    return Cost(
        inputs={key: (train.batch, *tensor.shape[1:]) for key, tensor in real.items()},
        parameters=kept_parameters,
        along=along,
        frozen=frozen,
        samples=samples,
        step_tflop=flops * train.accumulate * train.processes / 1e12,
        weights_bytes=4 * (_STATES * kept_parameters + (_STATES - 1) * along + frozen),
        activations_bytes=kept,
        steps=train.steps,
        processes=train.processes,
    )


def rehearsal_batch(objective: Objective, samples: int) -> Batch:
    """A batch of the objective's, always the same."""
    return objective.batch(np.random.default_rng(0), samples)


def _step(objective: Objective, batch: Batch, fake: FakeTensorMode, dtype: torch.dtype) -> tuple[int, int]:
    """Floating-point operations of a micro-batch, and bytes kept for the backward pass."""
    for module in objective.model.modules():
        module.training = not hasattr(module, "started")  # a codebook's own update depends on values
    weights = {tensor.untyped_storage()._cdata for tensor in _tensors(objective)}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        held.append(tensor)  # or its storage's address would be given to another
        return tensor

    held: list[Tensor] = []
    with fake, FlopCounterMode(display=False) as counter:
        with (
            torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
            torch.autocast("cpu", dtype, enabled=dtype != torch.float32),
        ):
            loss, _ = objective.loss(batch, 1.0)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not say
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            objective.after_step([batch], 1.0)
    return counter.get_total_flops(), sum(kept.values())


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
            "sync_judge (5 frames)": macs(untrained("sync_judge", preset).video, image[:, None, :, size // 2 :].expand(1, 5, -1, -1, -1)),
        }


@torch.no_grad()
def macs(network: Any, *inputs: Tensor) -> int:
    """Multiply-adds of a call, by PyTorch's own counter of floating-point operations."""
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops() // 2


def as_json(found: dict[str, Any]) -> dict[str, Any]:
    """``dry_run``'s result as plain values."""
    trainings = {name: dataclasses.asdict(cost) | {"bytes": cost.bytes, "total_eflop": cost.total_eflop} for name, cost in found["trainings"].items()}
    return found | {"trainings": trainings}


def _trained_along(objective: Objective) -> list[nn.Module]:
    return [
        value
        for value in vars(objective).values()
        if isinstance(value, nn.Module) and value is not objective.model and any(p.requires_grad for p in value.parameters())
    ]


def _count(module: nn.Module) -> int:
    """Parameters, and the codebooks, which are buffers."""
    return sum(p.numel() for p in module.parameters()) + sum(
        buffer.numel() for name, buffer in module.named_buffers() if name.endswith("codebook")
    )


def _tensors(objective: Objective) -> list[Tensor]:
    networks = [value for value in vars(objective).values() if isinstance(value, nn.Module)]
    return [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
