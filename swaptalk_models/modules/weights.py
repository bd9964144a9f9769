"""A model folder: weights as safetensors beside the configuration that rebuilds the network. Nothing is unpickled."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.stored_files import present
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS
from swaptalk_models.graph.reference import resolve
from swaptalk_models.settings.section import build_section


def build_network(name: str, config: Any, shape: Mapping[str, int]) -> nn.Module:
    """The network of ``name`` (graph/models.py), with random weights. ``shape`` as in ``save_model``."""
    return resolve(MODELS[name].network)(config, shape)


def save_model(name: str, network: nn.Module, shape: Mapping[str, float], folder: Path) -> None:
    """Write weights.safetensors and config.json. ``shape``: crop_size, and grid and dim of the latent."""
    with atomic_write(folder / "weights.safetensors") as aside:
        # Copies: what two parts of a network share is kept for each of them.
        save_file({key: tensor.contiguous().clone().cpu() for key, tensor in network.state_dict().items()}, aside)
    section: Any = network.config
    config = {"name": name, "config": dataclasses.asdict(section), "shape": shape}
    with atomic_write(folder / "config.json") as aside:
        aside.write_text(json.dumps(config, indent=1))


def load_model(name: str, folder: Path, device: str = "cpu") -> Any:
    """The network kept in ``folder``, frozen, on ``device``.

    Raises:
        UserError: the folder holds no such model, or its weights do not fit its configuration.
    """
    folder = Path(folder)
    try:
        stored = json.loads((folder / "config.json").read_text())
        weights = load_file(present(folder / "weights.safetensors"))
    except FileNotFoundError:
        missing = next(file for file in ("config.json", "weights.safetensors") if not (folder / file).is_file())
        raise UserError(f"{folder}: not a folder of a trained {name}: {missing} is missing") from None
    except (ValueError, OSError, SafetensorError) as error:
        raise UserError(f"{folder}: damaged {name}: {error}") from None
    network = build_network(name, build_section(MODELS[name].section, stored["config"]), stored["shape"])
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{folder}: weights do not fit config.json: {str(error).splitlines()[-1].strip()}") from None
    return network.eval().requires_grad_(False).to(device)


def load_shape(folder: Path) -> dict[str, int]:
    """crop_size, and grid and dim of the latent, that a model was trained for."""
    return json.loads((Path(folder) / "config.json").read_text())["shape"]
