"""The seam between ``Networks`` and what runs its graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from swaptalk_models.inference.engines.graphs import PRECISE, Graph

ENGINES = ("auto", "torch", "openvino")


class Engine(Protocol):
    """Runs graphs."""

    @property
    def name(self) -> str:
        """As people see it."""

    def run(self, graph: str, items: tuple[Tensor, ...], shared: tuple[Tensor, ...] = ()) -> Tensor:
        """A graph on any number of items (rows of each of ``items``), as ``Graph`` has them."""


class TorchEngine:
    """The networks as they are, on any device. In float32 it is the reference that others are held against.

    Args:
        dtype: in which the graphs multiply; those of ``PRECISE`` stay in float32, and so does what comes out.
    """

    def __init__(self, graphs: Mapping[str, Graph], dtype: torch.dtype = torch.float32) -> None:
        self._graphs, self.dtype = graphs, dtype

    @property
    def name(self) -> str:
        """See Engine."""
        return "torch" if self.dtype == torch.float32 else f"torch, {str(self.dtype).removeprefix('torch.')}"

    @torch.inference_mode()
    def run(self, graph: str, items: tuple[Tensor, ...], shared: tuple[Tensor, ...] = ()) -> Tensor:
        """See Engine."""
        module = self._graphs[graph].module
        if self.dtype == torch.float32 or graph in PRECISE:
            return module(*items, *shared).float()
        with torch.autocast(items[0].device.type, self.dtype):
            return module(*items, *shared).float()
