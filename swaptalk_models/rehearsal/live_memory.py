"""How many bytes are alive at a time: of tensors with values or without, and of numpy's and Python's own.

How it counts. Every operation of torch is seen on its way to its kernel (``TorchDispatchMode``). A storage that it brings forth is alive until
nothing refers to it any more, whoever that is: a variable, a view, the graph that waits for its backward pass. The peak is the largest sum there
was after an operation. It is the same for tensors that have shapes but no values (`meta`, fake), so it can be known of a machine that is not
there. What Python and numpy allocate is asked of ``tracemalloc``; both together have a peak of their own, since they are rarely largest at the same
time.

Not counted: what was there before, what a kernel needs within itself, and what an allocator loses between its blocks.
"""

from __future__ import annotations

import tracemalloc
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not say
    """Within, counts; afterwards, tells the peaks (bytes).

    with LiveMemory() as memory:
        work()
    memory.peak
    """

    def __init__(self, traced: bool = True) -> None:
        """``traced``: False for tensors alone, which takes less time."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.traced = traced
        self.device_peak = 0
        """Of tensors without values, which stand for those on a device."""
        self.host_peak = 0
        """Of tensors with values, of numpy and of Python."""
        self.peak = 0
        """Of all together."""
        self._sizes: dict[int, tuple[int, bool]] = {}
        self._alive = {True: 0, False: 0}
        self._before = 0
        self._depth = 0
        self._started_tracing = False

    def __enter__(self) -> Self:
        self._depth += 1
        if self.traced and self._depth == 1:
            self._started_tracing = not tracemalloc.is_tracing()
            if self._started_tracing:
                tracemalloc.start()
            tracemalloc.reset_peak()
            self._before = tracemalloc.get_traced_memory()[0]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._depth -= 1
        if self._depth:
            return
        self._note()
        if self._started_tracing:
            tracemalloc.stop()
        self.traced = False  # what goes later is of no interest

    def __torch_dispatch__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        with self:
            result = divided(function, args, kwargs or {})
        if result is not NotImplemented:
            return result
        # What a caller holds already is not brought forth by looking at a part of it.
        given = {_key(tensor) for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)}
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and _key(tensor) not in given:
                self.hold(tensor)
        self._note()
        return result

    def hold(self, tensor: Tensor) -> None:
        """Count this tensor, too, from now on."""
        storage, key = tensor.untyped_storage(), _key(tensor)
        if key in self._sizes:
            return
        on_device = storage.device.type == "meta" or tensor.device.type not in ("cpu",)
        self._sizes[key] = (storage.nbytes(), on_device)
        self._alive[on_device] += storage.nbytes()
        weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        size, on_device = self._sizes.pop(key)
        self._alive[on_device] -= size

    def _note(self) -> None:
        host, host_peak = self._alive[False], self._alive[False]
        if self.traced:
            now, since = (found - self._before for found in tracemalloc.get_traced_memory())
            host, host_peak = host + now, host_peak + since
            tracemalloc.reset_peak()
        self.device_peak = max(self.device_peak, self._alive[True])
        self.host_peak = max(self.host_peak, host_peak)
        self.peak = max(self.peak, host_peak + self._alive[True])


def divided(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The result of an operation by way of those that it is made of, which are seen then, too; NotImplemented where it is one of its own.

    In inference mode operations come undivided to a dispatch mode.
    """
    if function.namespace != "aten" or not torch.is_inference_mode_enabled():
        return NotImplemented
    return function.decompose(*args, **kwargs)


def _key(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def tensor_bytes(tensors: Sequence[Tensor]) -> int:
    """Of their storages, each counted once."""
    return sum({_key(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}.values())
