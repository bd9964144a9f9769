"""Weights that a training starts from: none, those that ship with the package, or anybody's.

What ships was trained on drawn people alone (swaptalk_models/shipped/MODEL_CARD.md). A grid of another size is no obstacle: what a network
knows of places on the face is resized.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.data.store.stored_files import present
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import WEIGHTS_FILE


def adopt(network: nn.Module, folder: Path) -> None:
    """Put the weights kept in ``folder`` into ``network``.

    Raises:
        UserError: they are not there, damaged, or of a network of another build; the network is then as it was.
    """
    path = present(folder / WEIGHTS_FILE)
    try:
        stored = load_file(path)
    except (FileNotFoundError, SafetensorError, OSError) as error:
        raise UserError(f"{path}: no weights to start from: {error}") from None
    own = network.state_dict()
    adapted = {name: _fitted(stored[name].float(), tensor) for name, tensor in own.items() if name in stored}
    missing = sorted(own.keys() - stored.keys())
    unlike = [name for name, tensor in adapted.items() if tensor is None]
    if missing or unlike:
        name = (unlike or missing)[0]
        there = f"{tuple(stored[name].shape)} there" if name in stored else "not there"
        raise UserError(
            f"{path}: does not fit these settings: {name} is {tuple(own[name].shape)} here and {there}; "
            "start from nothing with init=none, or take the settings that they were trained with"
        )
    network.load_state_dict({name: tensor for name, tensor in adapted.items() if tensor is not None})


def _fitted(stored: Tensor, own: Tensor) -> Tensor | None:
    """The stored tensor in the shape of the network's own; None where it is of another build.

    Of unequal shapes only places are resized: (grid * grid, width) of tokens, and (width, grid / 2, grid) of cells.
    """
    if stored.shape == own.shape:
        return stored.to(own.dtype)
    if stored.dim() == own.dim() == 3 and len(stored) == len(own):
        return _resized(stored[None], own.shape[1], own.shape[2])[0]
    if stored.dim() == own.dim() == 2 and stored.shape[1] == own.shape[1]:
        side, wanted = round(len(stored) ** 0.5), round(len(own) ** 0.5)
        if side * side == len(stored) and wanted * wanted == len(own):
            cells = _resized(stored.T.reshape(1, -1, side, side), wanted, wanted)
            return cells[0].flatten(1).T.contiguous()
    return None


def _resized(cells_1CHW: Tensor, height: int, width: int) -> Tensor:
    with torch.no_grad():
        return F.interpolate(cells_1CHW, size=(height, width), mode="bilinear", antialias=True)
