"""Where and in which precision a training runs: configuration, never an assumption."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from swaptalk_models.errors import UserError


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU.

    Raises:
        UserError: unknown device, or CUDA asked for where there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device {name!r}: auto, cpu, cuda, cuda:1, ...") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {name!r} was asked for, but this machine has no CUDA device")
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the hardware multiplies it (on CPU: AVX-512 BF16 or AMX), else float32."""
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return torch.bfloat16 if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else torch.float32


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Within, autocast is off; a device that knows none (`meta`) is left alone."""
    return torch.autocast(device.type, enabled=False) if torch.amp.is_autocast_available(device.type) else nullcontext()


def compiler_fault(device: torch.device) -> str:
    """Why torch.compile cannot work here, in one line; empty where it can. Compiles a trifle: whatever is missing shows in that."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.zeros(2, device=device))
    except (RuntimeError, ImportError, OSError) as error:  # no compiler, no Triton, a Python that is too new
        torch.compiler.reset()
        return (str(error).strip() or type(error).__name__).splitlines()[0]
    return ""
