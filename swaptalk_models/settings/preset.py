"""A preset: every value of every stage, read from one YAML file, overridden by dotted names.

    preset = load_preset("tiny", {"vqgan.train.steps": "500"})
    preset.vqgan.train.steps  # 500

Light on purpose: read while Dagster's definitions load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from swaptalk_models.errors import UserError
from swaptalk_models.settings.ablations import ablated
from swaptalk_models.settings.budget import BudgetConfig
from swaptalk_models.settings.compute import COMPUTE, LOCAL, RayConfig
from swaptalk_models.settings.data import (
    ClipsConfig,
    CropsConfig,
    FacesConfig,
    LimitsConfig,
    MelConfig,
    PhantomConfig,
    QualityConfig,
    SplitConfig,
)
from swaptalk_models.settings.download import DownloadConfig
from swaptalk_models.settings.evaluation import EvaluationConfig, ReleaseConfig
from swaptalk_models.settings.methods import chosen_methods
from swaptalk_models.settings.models import ModelSections
from swaptalk_models.settings.section import build_section, require, require_one_of
from swaptalk_models.settings.tracking import TrackingConfig

PRESET_FOLDER = Path(__file__).parent / "presets"
PRESETS = ("tiny", "nano", "base", "paper")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C, where PyYAML was built with it: a tenth of the time


@dataclass(frozen=True)
class Preset(ModelSections):
    """One section a stage and a model (ModelSections); the section's name is the asset's.

    `quality` and `evaluation` serve several; `download` and `limits` change how, not what; `compute` and `ray` where; `budget` and
    `tracking` change nothing.
    """

    name: str
    phantom: PhantomConfig = field(default_factory=PhantomConfig)
    download: DownloadConfig = field(default_factory=DownloadConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    clips: ClipsConfig = field(default_factory=ClipsConfig)
    face_tracks: FacesConfig = field(default_factory=FacesConfig)
    face_crops: CropsConfig = field(default_factory=CropsConfig)
    mels: MelConfig = field(default_factory=MelConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    training_snapshot: SplitConfig = field(default_factory=SplitConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    model_release: ReleaseConfig = field(default_factory=ReleaseConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    ray: RayConfig = field(default_factory=RayConfig)
    compute: str = LOCAL
    """Where the data stages are done: `local`, in worker processes of this machine; or `ray`, as tasks of a Ray cluster
    (`pip install swaptalk[ray]`), with the same results."""
    init: str = "auto"
    """What trainings start from: `none`; `shipped`, the weights that come with the package; a folder of models by name
    (a release, or HOME/models with one version each); or `auto`: shipped for people's own videos, none for the
    phantoms, of which those weights know the kind."""
    ablate: tuple[str, ...] = ()
    """Words of swaptalk_models/settings/ablations.py; what they change stands in the sections already."""

    def __post_init__(self) -> None:
        size, factor = self.face_crops.size, self.vqgan.factor
        require(
            size % (2 * factor) == 0,
            f"face_crops.size ({size}) must be a multiple of twice vqgan.factor ({factor}): each half is encoded alone",
        )
        require(
            self.grid >= 4,
            f"face_crops.size ({size}) / vqgan.factor ({factor}) must be at least 4: fewer cells tell no lips",
        )
        require(
            self.face_crops.label_grid % self.grid == 0,
            "face_crops.label_grid must be a multiple of face_crops.size / vqgan.factor (one label a token)",
        )
        require_one_of(self, "compute", *COMPUTE)
        chosen_methods(self.evaluation.methods)  # names nobody knows show at once

    @property
    def grid(self) -> int:
        """Side of the latent grid (cells)."""
        return self.face_crops.size // self.vqgan.factor


def load_preset(name: str, overrides: Mapping[str, Any] | None = None) -> Preset:
    """Read preset ``name`` (one of PRESETS, or the path of a YAML file) and apply ``overrides`` ({"section.field":
    value}).

    The words of its ``ablate`` come last: an ablation is of the system as it is set, whatever is set.

    Raises:
    UserError: unknown preset, section, field or ablation, or a value that does not fit.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else PRESET_FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"no preset {name!r}: there are {', '.join(PRESETS)}, or give the path of a YAML file")
    try:
        values = yaml.load(path.read_text(), _LOADER) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: a preset is a mapping of sections")
    overrides = dict(overrides or {})
    values["ablate"] = _words(overrides.pop("ablate", values.get("ablate", [])))
    for dotted, value in overrides.items():
        _put(values, dotted.split("."), _plain(value, dotted) if isinstance(value, str) else value, dotted)
    try:
        changed = ablated(values["ablate"], values)
    except (TypeError, AttributeError):  # a value is none at all of its kind: what follows says which
        changed = {}
    for dotted, value in changed.items():
        _put(values, dotted.split("."), value, dotted)
    return build_section(Preset, {"name": path.stem} | values, "")


def _words(given: Any) -> list[str]:
    """A list of words, or one string of them with blanks or commas between."""
    given = _plain(given, "ablate") if isinstance(given, str) else given
    words = given.replace(",", " ").split() if isinstance(given, str) else list(given or ())
    return list(dict.fromkeys(str(word) for word in words))


def _plain(text: str, dotted: str) -> Any:
    try:
        return yaml.load(text, _LOADER)
    except yaml.YAMLError:
        raise UserError(f"override {dotted!r}: {text!r} is not a value in YAML") from None


def _put(values: dict[str, Any], keys: list[str], value: Any, dotted: str) -> None:
    *parents, last = keys
    for key in parents:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise UserError(f"override {dotted!r}: {key!r} is a value, not a section")
    values[last] = value
