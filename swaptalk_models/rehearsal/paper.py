"""How much memory each pass of a preset takes, known without the machine: the device has shapes and no values, the host's part is really done.

Forward-only passes run on `meta` as they are; a training's step runs on fake tensors, for only these know of autocast. See live_memory.py for what
counts as alive.
"""

from __future__ import annotations

import dataclasses
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from swaptalk_models.rehearsal.judges import indifferent_judges
from swaptalk_models.rehearsal.live_memory import LiveMemory, tensor_bytes
from swaptalk_models.rehearsal.passes import METRICS, OTHERS, STEP, Work, held_out_passes, one_step, other_passes
from swaptalk_models.rehearsal.random_data import RandomData, rehearsed
from swaptalk_models.rehearsal.size import Size, cut_to, shortened, train_config
from swaptalk_models.rehearsal.without_values import DEVICE, device_without_values
from swaptalk_models.settings.preset import Preset, load_preset
from swaptalk_models.training.objective import Batch, Objective

_TOY = {
    "face_crops.size": 32,
    "face_crops.label_grid": 8,
    "vqgan.factor": 8,
    "vqgan.channels": [8, 8, 8],
    "vqgan.dim": 8,
    "vqgan.groups": 1,
    "identity_encoder.channels": [8, 8],
    "sync_judge.channels": [8, 8],
    "face_swapper.depth": 1,
}


@dataclass(frozen=True)
class Promise:
    """What one pass takes (bytes)."""

    model: str
    """Or `test_videos`, `metrics`."""
    name: str
    """step, validation, finish, make, generation, measuring."""
    weights: int
    """On the device all the while: networks, and of those that are trained all that the optimiser keeps of them."""
    live: int
    """On the device beside these, at the most."""
    host: int
    """In numpy, in tensors on the host and in Python at the most."""
    together: int
    """The most that ``live`` and ``host`` are at one moment."""
    flops: int
    """Floating-point operations on one device, two a multiply-add."""

    @property
    def device(self) -> int:
        """On one device."""
        return self.weights + self.live


def whole_promises(name: str, preset: Preset, size: Size) -> list[Promise]:
    """Validation and finish of a training at the preset's size. The device's part is rehearsed at ``size``, the host's on a shorter clip: to follow every array of
    numpy's takes long, and what a longer clip adds are the numbers that are held of each frame by design.
    """
    shorter = shortened(name, size)
    short = held_out_promises(name, preset, shorter, counted=False)
    whole = short if shorter == size else held_out_promises(name, preset, size, traced=False, counted=False)
    return [
        dataclasses.replace(ours, host=theirs.host, together=ours.live + theirs.host)
        for ours, theirs in zip(whole, short, strict=True)
    ]


def held_out_promises(
    name: str, preset: Preset, size: Size, traced: bool = True, counted: bool = True
) -> list[Promise]:
    """Validation and finish of a training: the network is there with all that its optimiser keeps.

    Args:
        traced: False leaves out the host's part.
        counted: False leaves out operations. With neither, a fifth of the time.
    """
    _warm_up(name)
    return _held_out_promises(name, preset, size, traced, counted)


def _held_out_promises(name: str, preset: Preset, size: Size, traced: bool, counted: bool) -> list[Promise]:
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
        objective, passes = held_out_passes(name, preset, size, Path(folder), DEVICE)
        weights = standing_bytes(objective, gradients=True)
        return [_promise(name, what, weights, work, traced, counted) for what, work in passes.items()]


def other_promise(name: str, preset: Preset, size: Size) -> Promise:
    """Of what no training is: see passes.py. What the judges look at is measured on the host."""
    _warm_up(name)
    networks, work = other_passes(name, preset, size, DEVICE)
    held = tensor_bytes([tensor for network in networks for tensor in _tensors(network)])
    promise = _promise(name, OTHERS[name], held, work, counted=True)
    return _on_host(promise) if name == METRICS else promise


@dataclass(frozen=True)
class Step:
    """A training's step, rehearsed."""

    promise: Promise
    alive: int
    """On the device at the most in forward and backward passes (bytes); the batch and the gradients are in it."""
    objective: Objective
    """Its networks have no values."""
    batch: Batch
    """A micro-batch on the host."""


def rehearse_step(name: str, preset: Preset, size: Size) -> Step:
    """One optimiser step, at the point where all losses have joined. `auto` precision is bfloat16, as on a GPU."""
    train = train_config(name, preset)
    dtype = torch.float32 if train.dtype == "float32" else torch.bfloat16
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
        with FakeTensorMode(allow_non_fake_inputs=True) as fake:
            objective, _ = rehearsed(name, preset, Path(folder), RandomData(preset))
        with LiveMemory() as memory:
            batch = objective.batch(np.random.default_rng(0), size.samples)
        flops, live = fake_step(objective, batch, fake, dtype)
    drawn = tensor_bytes(list(batch.values()))
    # The joint batch is drawn whole in each process, and the next one meanwhile.
    host = train.batch // size.samples * (drawn + max(drawn, memory.host_peak))
    trained = 4 * sum(p.numel() for network in trained_networks(objective) for p in network.parameters())
    most = max(live, 2 * trained)  # AdamW's own step: gradients, and as much again to work with
    promise = Promise(name, STEP, standing_bytes(objective, gradients=False), most, host, most + host, flops)
    return Step(promise, live, objective, batch)


def fake_step(objective: Objective, real: Batch, fake: FakeTensorMode, dtype: torch.dtype) -> tuple[int, int]:
    """Floating-point operations of a micro-batch, and bytes alive at the most: the batch, what waits for its backward pass, gradients."""
    batch: Batch = {key: fake.from_tensor(tensor) for key, tensor in real.items()}
    with fake, FlopCounterMode(display=False) as counter, LiveMemory(traced=False) as memory:
        for tensor in batch.values():
            memory.hold(tensor)
        one_step(objective, batch, dtype)
    return counter.get_total_flops(), memory.peak


def standing_bytes(objective: Objective, gradients: bool) -> int:
    """What is on the device between two steps: all networks, AdamW's two moments, the moving average, the best weights so far; and gradients,
    which stay until the next step.
    """
    trained = [_tensors(network) for network in trained_networks(objective)]
    kept = tensor_bytes(_tensors(objective.model))
    moments = sum(2 * tensor_bytes(tensors) for tensors in trained)
    grown = sum(tensor_bytes(tensors) for tensors in trained) if gradients else 0
    best = kept if objective.keep_best else 0
    return (
        tensor_bytes([t for network in networks_of(objective) for t in _tensors(network)])
        + moments
        + grown
        + kept
        + best
    )


def networks_of(objective: Objective) -> list[nn.Module]:
    """Every network that an objective holds: the one that is kept, those trained along, frozen ones."""
    return [value for value in vars(objective).values() if isinstance(value, nn.Module)]


def trained_networks(objective: Objective) -> list[nn.Module]:
    """Those of them that are not frozen."""
    return [network for network in networks_of(objective) if any(p.requires_grad for p in network.parameters())]


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _promise(model: str, name: str, weights: int, work: Work, traced: bool = True, counted: bool = False) -> Promise:
    counter = FlopCounterMode(display=False) if counted else None
    with device_without_values(), indifferent_judges(), counter or nullcontext(), LiveMemory(traced) as memory:
        work()
    flops = counter.get_total_flops() if counter else 0
    return Promise(model, name, weights, memory.device_peak, memory.host_peak, memory.peak, flops)


def _on_host(promise: Promise) -> Promise:
    return Promise(
        promise.model,
        promise.name,
        0,
        0,
        promise.weights + promise.together,
        promise.weights + promise.together,
        promise.flops,
    )


@cache
def _warm_up(name: str) -> None:
    """What is imported and remembered the first time belongs to no pass. Without following every allocation, which makes imports slow: what is remembered
    only where they are followed is below 0.1 MiB.
    """
    toy, size = load_preset("tiny", _TOY), Size(4, 4, 20, test_people=2)
    if name in OTHERS:
        _, work = other_passes(name, toy, size, DEVICE)
        _promise(name, OTHERS[name], 0, work, traced=False)
    else:
        _held_out_promises(name, cut_to(name, toy, size), size, traced=False, counted=False)
