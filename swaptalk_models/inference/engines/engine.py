"""The seam between ``Networks`` and what runs its graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from swaptalk_models.inference.engines.graphs import Graph

ENGINES = ("auto", "torch", "openvino")


class Engine(Protocol):
    """Runs graphs."""

    @property
    def name(self) -> str:
        """As people see it."""

    def run(self, graph: str, items: tuple[Tensor, ...], shared: tuple[Tensor, ...] = ()) -> Tensor:
        """A graph on any number of items (rows of each of ``items``), as ``Graph`` has them."""


class TorchEngine:
    """The networks as they are, on any device: the reference that others are held against."""

    name = "torch"

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        self._graphs = graphs

    @torch.inference_mode()
    def run(self, graph: str, items: tuple[Tensor, ...], shared: tuple[Tensor, ...] = ()) -> Tensor:
        """See Engine."""
        return self._graphs[graph].module(*items, *shared)
