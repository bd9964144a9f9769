"""Weights of published judges: read without unpickling code, and known by their checksum."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError  # the error alone: nothing is unpickled here

import torch
from torch import Tensor, nn

from swaptalk_models.errors import UserError


def sha256(path: Path) -> str:
    """Checksum of a file, as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_published(network: nn.Module, path: Path, what: str, left_out: tuple[str, ...] = ()) -> None:
    """Put a published state dict into `network`, and make it ready to judge (eval mode, no gradients).

    Files of old PyTorch versions lack the batch counters of batch norms; nothing that judges reads those. `left_out`: beginnings of
    keys that the file has and the network does not want.

    Raises:
        UserError, naming the file: it cannot be read, or holds other tensors than `what` has.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # torch's notices about other files' formats
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError,
        EOFError,
        RuntimeError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        UnpicklingError,
    ) as error:
        raise UserError(
            f"{path}: not {what}: {str(error).splitlines()[0][:120] if str(error) else type(error).__name__}"
        ) from None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: not {what}: no dictionary of tensors")
    wanted = network.state_dict()
    state = {key: value for key, value in state.items() if not key.startswith(left_out or ("\0",))}
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    wrong = [key for key, value in state.items() if key not in wanted or wanted[key].shape != value.shape]
    if missing or wrong:
        fault = f"lacks {missing[0]}" if missing else f"{wrong[0]} {tuple(state[wrong[0]].shape)} does not belong"
        raise UserError(f"{path}: not {what}: {fault} ({len(missing)} tensors missing, {len(wrong)} foreign)")
    network.load_state_dict(state, strict=False)
    network.eval().requires_grad_(False)
