"""A device that is not there: its tensors have shapes but no values (`meta`), and what comes back from it is zeros.

With it whole passes run as they are written, at any size, on any machine: the device's part costs nothing, the host's part is real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from swaptalk_models.rehearsal.live_memory import divided

DEVICE = torch.device("meta")
_aten = torch.ops.aten


@contextmanager
def device_without_values() -> Iterator[torch.device]:
    """Within, tensors on the given device can be computed with, brought to the host and asked for their value."""
    with _FusedAttention(), _Zeros():
        yield DEVICE


_Shape = tuple[torch.Size, tuple[int, ...], torch.dtype]


class _Zeros(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not say
    """What comes from the device is zeros of the right shape and type.

    The shapes that an operation gives are worked out in Python, which takes longer than many a kernel, so they are remembered.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known: dict[Any, tuple[_Shape, ...]] = {}

    def __torch_dispatch__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        with self:
            result = divided(function, args, kwargs)
        if result is not NotImplemented:
            return result
        first = args[0] if args else None
        if isinstance(first, Tensor) and first.is_meta:
            if function is _aten._local_scalar_dense.default:
                return torch.zeros((), dtype=first.dtype).item()
            if function is _aten._to_copy.default and _is_host(kwargs.get("device")):
                return torch.zeros(first.shape, dtype=kwargs.get("dtype") or first.dtype)
            if _makes_new(function):
                return self._remembered(function, args, kwargs)
        return function(*args, **kwargs)

    def _remembered(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        key = (function, _hashable(args), _hashable(tuple(kwargs.items())))
        known = self._known.get(key)
        if known is not None:
            made = tuple(
                torch.empty_strided(shape, stride, dtype=dtype, device=DEVICE) for shape, stride, dtype in known
            )
            return made if len(function._schema.returns) > 1 else made[0]
        result = function(*args, **kwargs)
        results = result if isinstance(result, tuple) else (result,)
        if all(isinstance(one, Tensor) and one.is_meta for one in results):
            self._known[key] = tuple((one.shape, one.stride(), one.dtype) for one in results)
        return result


@cache
def _makes_new(function: Any) -> bool:
    """Whether an operation's results share nothing with what it is given."""
    schema = function._schema
    return all(value.alias_info is None for value in (*schema.arguments, *schema.returns))


def _hashable(value: Any) -> Any:
    """As a key: of tensors, what decides about shapes."""
    if isinstance(value, Tensor):
        return (value.shape, value.stride(), value.dtype, value.device, value.requires_grad)
    if isinstance(value, (list, tuple)):
        return tuple(_hashable(item) for item in value)
    return (type(value), value)  # 1, 1.0 and True are one key, but not one type of tensor


class _FusedAttention(TorchFunctionMode):
    """Attention in one kernel, as devices have it: `meta` would write its whole matrix down."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function is F.scaled_dot_product_attention and args[0].is_meta:
            return _aten._scaled_dot_product_flash_attention_for_cpu(*args[:3])[0]
        return function(*args, **(kwargs or {}))


def _is_host(device: torch.device | None) -> bool:
    return device is not None and torch.device(device).type == "cpu"
