"""What one training is: its name in the graph, its inputs, and the folder that (config, data, inputs) alone decide.

Light on purpose: read by the orchestration, which never imports torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.stored_files import present
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import SHIPPED, WEIGHTS_FILE, current
from swaptalk_models.settings.preset import Preset

# Where and how, but not what: changing these does not make a model another one.
_NOT_CONTENT = ("device", "processes", "checkpoint_seconds", "compile", "external_sha256")
# Settings that are younger than some trained models, with the value at which they change nothing: those models stay what they are.
_YOUNGER = {
    "minutes": 0.0,
    "decoder": "light",
    "decoder_channels": 128,
    "codebook_start": "sample",
    "gradient": "straight",
    "one_codebook": False,
    "without": (),
    "quiet": 0.0,
    "refine": 0,
    "feature_weight": 1.0,
}


@dataclass(frozen=True)
class TrainSpec:
    """One training, ready to run in a process of its own. Plain values only: it travels as JSON."""

    name: str
    """A key of MODELS (graph/models.py)."""
    home: str
    """Folder of all data."""
    config: dict[str, Any]
    """The module's section of the preset."""
    crop_size: int
    """Side of the face crops (px)."""
    snapshot: str
    """Parquet manifest of the training snapshot."""
    inputs: dict[str, str]
    """Folder of each model that this one is built on."""
    output: str
    """Folder of this model: weights.safetensors, config.json, history.parquet, result.json, samples/."""
    start: str = ""
    """Folder of weights to start from; empty: random ones."""
    start_must_fit: bool = False
    """Whether weights that do not fit are an error, or only left aside."""
    crop_margin: float = 0.0
    """Room around the template face in the crops, as a share of their side."""

    @property
    def version(self) -> str:
        """Content key of the model: the name of its folder."""
        return Path(self.output).name

    @property
    def learns(self) -> bool:
        """Whether a network is trained, by as many processes as its settings say; else one process makes or takes the model."""
        return not (MODELS[self.name].make or self.config.get("external"))


def plan(
    name: str, home: Path, preset: Preset, snapshot: Path, snapshot_version: str, start: Path | None = None
) -> TrainSpec:
    """The training of ``name`` on this snapshot, on top of the current version of each of its inputs.

    ``start``: folder of weights to start from (see ``starting_folder``).

    Raises:
        UserError: an input was not trained yet.
    """
    model = MODELS[name]
    inputs = {upstream: str(current(home, upstream).path) for upstream in model.inputs}
    config = dataclasses.asdict(getattr(preset, name))
    if model.budget_of and config["train"] is None:
        config["train"] = dataclasses.asdict(getattr(preset, model.budget_of).train)
    decides = {
        "config": content(config) | _external(config),
        "crop_size": preset.face_crops.size,
        "snapshot": snapshot_version,
        "inputs": {upstream: Path(path).name for upstream, path in inputs.items()},
        "code": model.code_version,
    } | ({"start": file_checksum(start / WEIGHTS_FILE)} if start else {})
    version = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
    return TrainSpec(
        name=name,
        home=str(home),
        config=config,
        crop_size=preset.face_crops.size,
        snapshot=str(snapshot),
        inputs=inputs,
        output=str(home / "models" / name / version),
        crop_margin=preset.face_crops.margin,
        start=str(start or ""),
        start_must_fit=preset.init != "auto",
    )


def starting_folder(name: str, preset: Preset, drawn: bool) -> Path | None:
    """Folder of the weights that a training of ``name`` starts from, by the preset's ``init``; None: it starts from random ones.

    Args:
        drawn: whether the data are the phantoms.

    Raises:
        UserError: a named folder holds none for it.
    """
    if not MODELS[name].network or preset.init == "none" or (preset.init == "auto" and drawn):
        return None
    if preset.init in ("auto", "shipped"):
        return SHIPPED / name if (SHIPPED / name / WEIGHTS_FILE).is_file() else None
    folder = Path(preset.init).expanduser() / name
    if not (folder / WEIGHTS_FILE).is_file():
        raise UserError(
            f"init={preset.init}: no {WEIGHTS_FILE} in {folder}: name a folder of models, or shipped, none or auto"
        )
    return folder


def _external(config: dict[str, Any]) -> dict[str, str]:
    """A foreign file counts by what is in it, wherever it lies. UserError: it is not there, or not the one that was meant."""
    if not config.get("external"):
        return {}
    return {"external": external_checksum(config["external"], config["external_sha256"])}


def file_checksum(path: Path) -> str:
    """SHA-256, as hexadecimal digits."""
    with present(path).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def external_checksum(file: str, wanted: str = "") -> str:
    """SHA-256 of the file, as hexadecimal digits.

    Raises:
        UserError: there is no such file, or it has another checksum than ``wanted``.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise UserError(f"identity_encoder.external: no file {path}")
    digest = file_checksum(path)
    if wanted and digest != wanted.lower():
        raise UserError(f"{path}: its SHA-256 is {digest}, not identity_encoder.external_sha256 ({wanted})")
    return digest


def content(config: dict[str, Any]) -> dict[str, Any]:
    """Of a model's configuration, what makes it another model: not where and how it is trained, nor younger settings that change nothing."""
    return {
        key: content(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key not in _NOT_CONTENT and not (key in _YOUNGER and _plain(value) == _YOUNGER[key])
    }


def _plain(value: Any) -> Any:
    """As it was before it travelled as JSON."""
    return tuple(value) if isinstance(value, list) else value
