"""Which engine a generation runs on."""

from __future__ import annotations

from pathlib import Path

from swaptalk_models.errors import UserError
from swaptalk_models.inference.engines.engine import TorchEngine
from swaptalk_models.inference.engines.export import find_export, load_export
from swaptalk_models.inference.engines.openvino_engine import is_installed, require_openvino
from swaptalk_models.inference.networks import Networks
from swaptalk_models.modules.device import pick_dtype


def choose_engine(networks: Networks, release: Path, name: str = "auto") -> None:
    """Put the engine into the networks.

    Args:
        release: the folder that they were loaded from.
        name: torch, in float32; openvino; auto: OpenVINO on a CPU where it is installed and the release was exported, else torch in what the
            device is quickest with (bfloat16 where the hardware multiplies it).

    Raises:
        UserError: OpenVINO was asked for and cannot be had.
    """
    if name == "torch":
        return
    if name == "auto" and (networks.device.type != "cpu" or not is_installed() or find_export(release) is None):
        networks.engine = TorchEngine(networks.graphs(), pick_dtype("auto", networks.device))
        return
    require_openvino()
    if networks.device.type != "cpu":
        raise UserError(f"--engine openvino runs on the CPU, not on {networks.device}: take --engine torch")
    folder = find_export(release)
    if folder is None:
        raise UserError(
            f"{release}: not exported yet, or before it was last changed: run `swaptalk export --release {release}`"
        )
    networks.engine = load_export(folder)
