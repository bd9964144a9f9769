"""What the training loop asks of a module's objective."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

Network = TypeVar("Network", bound=nn.Module)

Batch = dict[str, Tensor]
"""Tensors with the batch as their first dimension."""


@dataclass
class Outcome:
    """Held-out figures of a finished model."""

    metrics: dict[str, float]
    """On test people, who played no part in training or in choosing the checkpoint."""
    baselines: dict[str, float] = field(default_factory=dict)
    """The same measures of something trivial; names are those of the metrics they belong to."""
    curves: dict[str, list[float]] = field(default_factory=dict)
    """Further series for the report, such as accuracy by offset."""


class HeldOut(Protocol):
    """Measures a model on people whom its training does not see (evaluation/held_out)."""

    def validate(self, model: Any) -> dict[str, float]:
        """Figures on validation people; "score" (higher is better) chooses the checkpoint."""
        ...

    def finish(self, model: Any, folder: Path) -> Outcome:
        """Figures on test people; pictures go to ``folder``/samples."""
        ...


class Objective:
    """Data and loss of one module. ``model`` is what is kept; ``extras`` are trained along and dropped at the end."""

    model: nn.Module
    extras: nn.Module | None = None
    keep_best = True
    """Keep the weights with the best validation score; else the last ones."""

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """The joint batch of a step, on the CPU: exactly ``size`` samples, which processes and micro-batches share out in equal, contiguous parts.

        All randomness comes from ``rng``, so that a step can be repeated, and batches be drawn in another thread.
        """
        raise NotImplementedError

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar loss, and parts of it worth a curve: means over samples, so that the mean over parts of a batch is that of the whole.

        ``progress`` runs from 0 to 1 over the training. What ``after_step`` needs may be put into ``batch``.
        """
        raise NotImplementedError

    def after_step(self, micro_batches: list[Batch], progress: float) -> dict[str, Tensor]:
        """What has a step of its own, such as a discriminator, on the micro-batches that ``loss`` was given. Its gradients go through
        ``average_gradients``.
        """
        return {}

    def state(self) -> dict[str, Any]:
        """What else a checkpoint must hold."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Undo ``state``."""

    def to(self, device: torch.device) -> None:
        """Move every network, frozen ones included."""
        for value in vars(self).values():
            if isinstance(value, nn.Module):
                value.to(device)

    def compile(self) -> None:
        """Compile in place what a step calls: every network, and its parts, of which some objectives call only one."""
        # The VQGAN's adaptive weight goes backward through one graph twice.
        torch._functorch.config.donated_buffer = False
        for value in vars(self).values():
            if isinstance(value, nn.Module):
                for network in (value, *value.children()):
                    network.compile()


def frozen(module: Network) -> Network:
    """The module in evaluation mode and without gradients to its own weights."""
    return module.eval().requires_grad_(False)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Mean of the gradients over all processes, each of which has seen its share of the batch."""
    if not (dist.is_available() and dist.is_initialized()):
        return
    for parameter in parameters:
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= dist.get_world_size()
