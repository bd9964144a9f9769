"""Exported graphs on OpenVINO: bfloat16 where the CPU multiplies it (AVX-512 BF16, AMX), else float32."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from swaptalk_models.errors import UserError
from swaptalk_models.inference.engines.graphs import FRAMES, PRECISE, TOKENS
from swaptalk_models.inference.engines.signal_stack import signal_stack_kept


def is_installed() -> bool:
    """Whether OpenVINO is here; it is not imported."""
    return importlib.util.find_spec("openvino") is not None


def require_openvino() -> Any:
    """The module.

    Raises:
        UserError: it is not installed.
    """
    if not is_installed():
        raise UserError("OpenVINO is not installed: pip install 'swaptalk[openvino]', or take --engine torch")
    import openvino

    return openvino


class OpenVINOEngine:
    """Runs the graphs of an export folder (``export.py``). A chunk of items is one request; as many requests run beside each other as torch
    has threads, each on a thread of its own.
    """

    @signal_stack_kept()
    def __init__(
        self, folder: Path, inputs: dict[str, list[int]], precision: str = "auto", threads: int | None = None
    ) -> None:
        """
        Args:
            inputs: for every graph, which of the inputs that torch's takes it has, in its own order.
            precision: auto, float32 or bfloat16.
            threads: None: as many as torch has.

        Raises:
            UserError: OpenVINO is not installed, or cannot read the folder.
        """
        openvino = require_openvino()
        core, threads = openvino.Core(), threads or torch.get_num_threads()
        able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        chosen = {"float32": "f32", "bfloat16": "bf16", "auto": "bf16" if able else "f32"}[precision]
        self.name = f"OpenVINO, {'bfloat16' if chosen == 'bf16' else 'float32'}"
        config = {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads}
        self._inputs = inputs
        self._requests: dict[str, list[Any]] = {}
        for path in sorted(Path(folder).glob("*.xml")):
            try:
                hint = {"INFERENCE_PRECISION_HINT": "f32" if path.stem in PRECISE else chosen}
                compiled = core.compile_model(core.read_model(path), "CPU", config | hint)
            except RuntimeError as error:
                raise UserError(f"{path}: OpenVINO cannot read it: {str(error).strip().splitlines()[-1]}") from None
            self._requests[path.stem] = [compiled.create_infer_request() for _ in range(threads)]

    def run(self, graph: str, items: tuple[Tensor, ...], shared: tuple[Tensor, ...] = ()) -> Tensor:
        """See Engine."""
        count, chunk = len(items[0]), TOKENS if graph == "swap_tokens" else FRAMES
        given = [np.ascontiguousarray(part.numpy()) for part in shared]
        made: list[np.ndarray] = []
        requests, wanted = self._requests[graph], self._inputs[graph]
        for first in range(0, count, chunk * len(requests)):
            started = []
            for request, begin in zip(requests, range(first, count, chunk), strict=False):
                all_inputs = [_filled(part[begin : begin + chunk].numpy(), chunk) for part in items] + given
                request.start_async([all_inputs[index] for index in wanted], share_inputs=True)
                started.append(request)
            for request in started:
                request.wait()
                made.append(request.get_output_tensor(0).data.copy())
        return torch.from_numpy(np.concatenate(made)[:count])


def _filled(rows: np.ndarray, chunk: int) -> np.ndarray:
    """As many rows as a graph takes: the last one repeated."""
    if len(rows) == chunk:
        return np.ascontiguousarray(rows)
    return np.concatenate([rows, np.repeat(rows[-1:], chunk - len(rows), axis=0)])
