"""What the training loop asks of a module's objective."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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


class Objective:
    """Data, loss and measure of one module. ``model`` is what is kept; ``extras`` are trained along and dropped at the end."""

    model: nn.Module
    extras: nn.Module | None = None
    keep_best = True
    """Keep the weights with the best validation score; else the last ones."""

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """A training batch on the CPU. All randomness comes from ``rng``, so that a step can be repeated."""
        raise NotImplementedError

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar loss, and parts of it worth a curve. ``progress`` runs from 0 to 1 over the training."""
        raise NotImplementedError

    def after_step(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """What has a step of its own, such as a discriminator."""
        return {}

    def state(self) -> dict[str, Any]:
        """What else a checkpoint must hold."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Undo ``state``."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures on validation people; "score" (higher is better) chooses the checkpoint."""
        raise NotImplementedError

    def finish(self, model: nn.Module, folder: Path) -> Outcome:
        """Figures on test people; pictures go to ``folder``/samples."""
        raise NotImplementedError

    def to(self, device: torch.device) -> None:
        """Move every network, frozen ones included."""
        for value in vars(self).values():
            if isinstance(value, nn.Module):
                value.to(device)


def frozen(module: nn.Module) -> nn.Module:
    """The module in evaluation mode and without gradients to its own weights."""
    return module.eval().requires_grad_(False)
