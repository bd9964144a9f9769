"""Models that somebody else has trained: measured on our held-out people and kept as if they were ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from swaptalk_models.modules.arcface import load_arcface
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import IdentityEncoderConfig
from swaptalk_models.settings.section import build_section
from swaptalk_models.training.spec import TrainSpec, external_checksum


def take_arcface(spec: TrainSpec, report: Callable[[str], None]) -> tuple[nn.Module, dict[str, Any]]:
    """The ArcFace that ``identity_encoder.external`` names, kept in the model's folder. Gives the network, and facts for the result.

    Raises:
        UserError: no such file, another checksum, or no weights of an IResNet.
    """
    config = build_section(IdentityEncoderConfig, spec.config)
    checksum = external_checksum(config.external, config.external_sha256)
    network, depth = load_arcface(config, spec.crop_size, spec.crop_margin)
    report(f"{spec.name}: IResNet {depth} of {config.external}, SHA-256 {checksum}")
    save_model(
        spec.name,
        network,
        {"crop_size": spec.crop_size, "crop_margin": spec.crop_margin, "depth": depth},
        Path(spec.output),
    )
    external = {"file": Path(config.external).name, "sha256": checksum, "network": f"IResNet {depth}"}
    return network, {"step": 0, "external": external}
