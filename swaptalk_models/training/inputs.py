"""What a training is built from: settings, data, and the models below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.arcface import ArcFace
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import load_model
from swaptalk_models.settings.models import VQGANConfig
from swaptalk_models.settings.section import build_section
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.objective import Network
from swaptalk_models.training.spec import TrainSpec


@dataclass(frozen=True)
class TrainingInputs:
    """An objective is built from these."""

    config: Any
    """The model's section of the preset."""
    data: TrainingData
    crop_size: int
    """Side of the face crops (px)."""
    networks: Mapping[str, nn.Module]
    """Of the models that it is built on, the networks, by name."""
    folders: Mapping[str, Path]
    """Folders of all models that it is built on, by name."""

    def network(self, name: str, kind: type[Network]) -> Network:
        """One of them, of the class that it is known to be."""
        network = self.networks[name]
        assert isinstance(network, kind)
        return network

    @property
    def identity(self) -> IdentityEncoder | ArcFace:
        """The network that holds the identity, ours or a published one."""
        network = self.networks["identity_encoder"]
        assert isinstance(network, IdentityEncoder | ArcFace)
        return network

    @property
    def latents(self) -> tuple[VQGAN, str, int]:
        """(VQGAN, its version, side of the latent grid)."""
        vqgan = self.network("vqgan", VQGAN)
        return vqgan, self.folders["vqgan"].name, self.crop_size // vqgan.config.factor

    @property
    def shape(self) -> dict[str, int]:
        """What the network is built for: crop_size; grid, dim, groups and codes of the latent where it has to do with it;
        channels of the identity where it is given one.
        """
        config = self.config if isinstance(self.config, VQGANConfig) else None
        if "vqgan" in self.networks:
            config = self.latents[0].config
        shape = {"crop_size": self.crop_size}
        if config:
            shape |= {"grid": self.crop_size // config.factor, "dim": config.dim}
            shape |= {"groups": config.groups, "codes": config.codes}
        if "identity_encoder" in self.networks:
            shape["identity"] = self.identity.config.dim
        return shape


def read_inputs(
    spec: TrainSpec, data: TrainingData | None = None, load: Callable[[str, Path], nn.Module] = load_model
) -> TrainingInputs:
    """The inputs of a training.

    Args:
        data: by default the snapshot's.
        load: gives the frozen network of an input, from its name and folder.
    """
    config: Any = build_section(MODELS[spec.name].section, spec.config)
    data = data or TrainingData(Path(spec.home), Path(spec.snapshot), spec.config.get("train", {}).get("without", ()))
    folders = {name: Path(path) for name, path in spec.inputs.items()}
    networks = {name: load(name, path) for name, path in folders.items() if MODELS[name].network}
    return TrainingInputs(config, data, spec.crop_size, networks, folders)
