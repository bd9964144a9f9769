"""Tabulates every VQGAN that was trained in a home, by what sets it apart from the current one:

    python docs/scripts/vqgans.py HOME

Each is an ordinary run up to the VQGAN with other settings, on the same data with the same budget:

    swaptalk run --home HOME --until vqgan
    swaptalk run --home HOME --until vqgan --set vqgan.codebook_start=kmeans
    swaptalk run --home HOME --until vqgan --set vqgan.gradient=rotation
    swaptalk run --home HOME --until vqgan --set vqgan.revive_below=0
    swaptalk run --home HOME --until vqgan --set vqgan.decoder=taming --set vqgan.decoder_channels=64
    swaptalk run --home HOME --until vqgan --set vqgan.train.seed=1
    swaptalk run --home HOME --until vqgan                                   # the first one is current again: nothing is trained
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import ModelFolder, current
from swaptalk_models.modules.weights import load_model, load_shape
from swaptalk_models.rehearsal.dry_run import macs


def table(home: Path) -> str:
    """Markdown: a row a VQGAN of the current one's snapshot, the current one first."""
    base = current(home, "vqgan")
    folders = [ModelFolder(path) for path in sorted((home / "models" / "vqgan").iterdir()) if path.is_dir()]
    same_data = [
        folder for folder in folders if folder.done and folder.result()["snapshot"] == base.result()["snapshot"]
    ]
    lines = [
        "| VQGAN | PSNR (dB) | upper use | lower use | seam | decoder (M multiply-adds) | seconds |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for folder in sorted(same_data, key=lambda folder: (folder.version != base.version, difference(folder, base))):
        metrics = folder.result()["metrics"]
        figures = [
            f"{metrics['psnr_db']:.2f}",
            f"{metrics['upper_use']:.3f}",
            f"{metrics['lower_use']:.3f}",
            f"{metrics['seam_ratio']:.2f}",
        ]
        figures += [f"{decoder_macs(folder) / 1e6:.0f}", f"{folder.result()['seconds']:.0f}"]
        lines.append(f"| {difference(folder, base) or 'as the preset has it'} | {' | '.join(figures)} |")
    return "\n".join(lines)


def difference(folder: ModelFolder, base: ModelFolder) -> str:
    """Settings in which a VQGAN is not the current one: "gradient rotation, train.seed 1"."""
    own, usual = flat(folder.result()["config"]), flat(base.result()["config"])
    return ", ".join(f"{name} {value}" for name, value in own.items() if usual.get(name, value) != value)


def flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def decoder_macs(folder: ModelFolder) -> int:
    """Multiply-adds that decoding one face takes."""
    shape = load_shape(folder.path)
    return macs(load_model("vqgan", folder.path).decoder, torch.zeros(1, shape["dim"], shape["grid"], shape["grid"]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(table(Path(sys.argv[1])))
    except UserError as error:
        sys.exit(f"error: {error}")
