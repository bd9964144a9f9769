"""A trained model on disk: HOME/models/NAME/VERSION, and which version is the current one. Light: no network is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.errors import UserError

EVALUATION_FILE = "evaluation.json"
"""In a model's folder: what the finished videos say of it, {"metrics": {}, "from": folder of the measurements}."""


WEIGHTS_FILE = "weights.safetensors"
CHECKPOINT_FILE = "checkpoint.pt"
"""In a model's folder while it is trained: where a killed training goes on."""
RELEASE_FILE = "release.json"
"""In a release's folder: settings, versions of the networks, and the hash of every other file."""
SHIPPED = Path(__file__).resolve().parents[1] / "shipped"
"""Release that comes with the package: networks trained on drawn people alone, to generate with right away and to start trainings from."""


@dataclass(frozen=True)
class ModelFolder:
    """A trained model on disk."""

    path: Path

    @property
    def version(self) -> str:
        return self.path.name

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def done(self) -> bool:
        """result.json is written last, so its presence says that all else is whole."""
        return (self.path / "result.json").is_file()

    def result(self) -> dict[str, Any]:
        """{"name", "version", "step", "seconds", "metrics": {}, "baselines": {}, "inputs": {}, "snapshot", "config": {}, ...}."""
        return json.loads((self.path / "result.json").read_text())

    def config(self) -> dict[str, Any]:
        return json.loads((self.path / "config.json").read_text())


def current(home: Path, name: str) -> ModelFolder:
    """The version of ``name`` that the last training made current.

    Raises:
        UserError: there is none.
    """
    pointer = home / "models" / name / "current"
    if not pointer.is_file():
        raise UserError(f"no trained {name} in {home}: run `swaptalk run --until {name}` first")
    return ModelFolder(pointer.parent / pointer.read_text().strip())


def make_current(folder: ModelFolder) -> None:
    """Point downstream stages at this version."""
    pointer = folder.path.parent / "current"
    aside = pointer.with_name("current.tmp")
    aside.write_text(folder.version + "\n")
    aside.replace(pointer)


def held_out_metrics(folder: ModelFolder) -> dict[str, Any]:
    """A model's figures on held-out people: those of its training, and over them those of the evaluation, once there is one."""
    path = folder.path / EVALUATION_FILE
    evaluated = json.loads(path.read_text()) if path.is_file() else {}
    return folder.result()["metrics"] | evaluated.get("metrics", evaluated)


def judge_name(folder: Path) -> str:
    """What results call the sync judge that is kept in this folder: it says which version measured them."""
    return f"sync_judge {folder.name[:8]}"
