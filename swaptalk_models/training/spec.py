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

from swaptalk_models.settings.preset import Preset
from swaptalk_models.errors import UserError
from swaptalk_models.graph.code_versions import CODE_VERSIONS

# name -> models it is built on. The order is one in which they can be trained.
MODEL_INPUTS: dict[str, tuple[str, ...]] = {
    "identity_encoder": (),
    "sync_judge": (),
    "vqgan": ("identity_encoder",),
    "lip_expert": ("vqgan",),
    "swap_teacher": ("vqgan",),
    "face_swapper": ("vqgan", "identity_encoder", "swap_teacher"),
    "lip_sync": ("vqgan", "lip_expert"),
}
# Trained only to be compared with, and only when `evaluation.methods` asks for it.
BASELINE_INPUTS: dict[str, tuple[str, ...]] = {"wav2lip": ("vqgan", "lip_expert")}
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
}


@dataclass(frozen=True)
class TrainSpec:
    """One training, ready to run in a process of its own. Plain values only: it travels as JSON."""

    name: str
    """Module, a key of MODEL_INPUTS or BASELINE_INPUTS."""
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
    crop_margin: float = 0.0
    """Room around the template face in the crops, as a share of their side."""

    @property
    def version(self) -> str:
        """Content key of the model: the name of its folder."""
        return Path(self.output).name


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


def judge_name(folder: Path) -> str:
    """What results call the sync judge that is kept in this folder: it says which version measured them."""
    return f"sync_judge {folder.name[:8]}"


def held_out_metrics(folder: ModelFolder) -> dict[str, Any]:
    """A model's figures on held-out people: those of its training, and over them those of the evaluation, once there is one."""
    path = folder.path / "evaluation.json"
    evaluated = json.loads(path.read_text()) if path.is_file() else {}
    return folder.result()["metrics"] | evaluated.get("metrics", evaluated)


def plan(name: str, home: Path, preset: Preset, snapshot: Path, snapshot_version: str) -> TrainSpec:
    """The training of ``name`` on this snapshot, on top of the current version of each of its inputs.

    Raises:
        UserError: an input was not trained yet.
    """
    inputs = {upstream: str(current(home, upstream).path) for upstream in (MODEL_INPUTS | BASELINE_INPUTS)[name]}
    config = dataclasses.asdict(getattr(preset, name))
    if "train" in config and config["train"] is None:  # a baseline's budget is that of what it is compared with
        config["train"] = dataclasses.asdict(preset.lip_sync.train)
    decides = {
        "config": content(config) | _external(config),
        "crop_size": preset.face_crops.size,
        "snapshot": snapshot_version,
        "inputs": {upstream: Path(path).name for upstream, path in inputs.items()},
        "code": CODE_VERSIONS[name],
    }
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
    )


def _external(config: dict[str, Any]) -> dict[str, str]:
    """A foreign file counts by what is in it, wherever it lies. UserError: it is not there, or not the one that was meant."""
    if not config.get("external"):
        return {}
    return {"external": external_checksum(config["external"], config["external_sha256"])}


def external_checksum(file: str, wanted: str = "") -> str:
    """SHA-256 of the file, as hexadecimal digits.

    Raises:
        UserError: there is no such file, or it has another checksum than ``wanted``.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise UserError(f"identity_encoder.external: no file {path}")
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if wanted and digest != wanted.lower():
        raise UserError(f"{path}: its SHA-256 is {digest}, not identity_encoder.external_sha256 ({wanted})")
    return digest


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
