"""The release that comes with the package: every network of a home trained on phantoms, in half precision, with hashes and a card."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from swaptalk_models.data.snapshot import is_drawn, load_snapshot
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.stored_files import present
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import own_models
from swaptalk_models.inference.knowledge import knowledge_of, to_json
from swaptalk_models.inference.release import file_hashes
from swaptalk_models.modules.model_folder import RELEASE_FILE, WEIGHTS_FILE, ModelFolder, current
from swaptalk_models.settings.preset import Preset

LARGEST_MB = 25.0
_CARD = """# The weights that come with SwapTalk

Trained on drawn people alone (the phantom corpus, {people} people of {seconds:g} s, seed {seed}), by `make weights`; no picture of anybody real played a part.
Stored in half precision. `swaptalk generate` runs on them where no release is named, and trainings on real videos start from them.

**Know what they know**: {crop} px faces of drawn people. A real face keeps its own fine detail (`--detail on`), but what lies below it was learned from
drawings: train on real videos for more.

Every output is synthetic: say so when you show it, and use nobody's face or voice without consent (in the EU, Article 50 of the AI Act).

Steps that are "more" were taken from the weights of the version before.

| network | steps | figure on held-out drawn people | value | trivial baseline |
|---|--:|---|--:|--:|
{rows}
"""


def pack(home: Home, preset: Preset, folder: Path) -> dict[str, Any]:
    """Put the current networks of ``home`` into ``folder`` (which is replaced file by file). Gives what release.json says.

    A network whose weights are what lies there stays as it is, with its version and its figures: a training that went on from the weights of before
    and left it alone has nothing new to say of it.

    Raises:
        UserError: not all networks are trained, the home's videos are not the phantoms, or the files would be too large to ship.
    """
    if not is_drawn(home):
        raise UserError(f"{home.root}: was made from real videos; only weights of drawn people may be shipped")
    models = {spec.name: current(home.root, spec.name) for spec in own_models() if spec.network}
    versions, rows, before = {}, [], _before(folder)
    for name, model in models.items():
        tensors = load_file(present(model.path / WEIGHTS_FILE))
        halves = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
        if name in before and _same(halves, load_file(folder / name / WEIGHTS_FILE)):
            versions[name], of_before = before[name]
            rows += of_before
            continue
        versions[name] = model.version
        rows += _rows(name, model)
        with atomic_write(folder / name / WEIGHTS_FILE) as aside:
            save_file(halves, aside)
        with atomic_write(folder / name / "config.json") as aside:
            shutil.copyfile(model.path / "config.json", aside)
    with atomic_write(folder / "MODEL_CARD.md") as aside:
        aside.write_text(_card(preset, rows))
    files = file_hashes(folder)
    megabytes = sum((folder / name).stat().st_size for name in files) / 1e6
    if megabytes > LARGEST_MB:
        raise UserError(
            f"{folder}: {megabytes:.1f} MB of weights, and at most {LARGEST_MB:g} are shipped: train smaller networks"
        )
    settings = {
        "preset": preset.name,
        "face_crops": asdict(preset.face_crops),
        "face_tracks": asdict(preset.face_tracks),
        "models": versions,
        "snapshot": load_snapshot(home).version,
        "files": files,
    } | to_json(knowledge_of(home, preset.face_crops.size))
    with atomic_write(folder / RELEASE_FILE) as aside:  # last: its presence says that all else is whole
        aside.write_text(json.dumps(settings, indent=1))
    return settings


def _before(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """Version, and rows of the card, of each network that lies there."""
    if not (folder / RELEASE_FILE).is_file():
        return {}
    card = (folder / "MODEL_CARD.md").read_text().splitlines()
    versions = json.loads((folder / RELEASE_FILE).read_text())["models"]
    return {
        name: (version, [row for row in card if row.startswith(f"| {name} |")])
        for name, version in versions.items()
        if (folder / name / WEIGHTS_FILE).is_file()
    }


def _same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())


def _card(preset: Preset, rows: list[str]) -> str:
    phantom = preset.phantom
    return _CARD.format(
        people=phantom.people,
        seconds=phantom.seconds,
        seed=phantom.seed,
        crop=preset.face_crops.size,
        rows="\n".join(rows),
    )


def _rows(name: str, model: ModelFolder) -> list[str]:
    """Of the card: a row a figure."""
    rows, result = [], model.result()
    steps = f"{result['step']} more" if result.get("init") else result["step"]
    for metric, value in result["metrics"].items():
        baseline = result["baselines"].get(metric)
        shown = f"{baseline:.3g}" if baseline is not None else ""
        rows.append(f"| {name} | {steps} | {metric} | {value:.3g} | {shown} |")
    return rows
