"""Evaluations of one home that differ by one thing only: the ablations and the compression study, paired scene by scene.

Another set of models is made by the run that everybody knows, with one setting changed, and its evaluation stays in the home beside ours:

    swaptalk run --home HOME --set lip_sync.sync_weight=0 --until metrics
    swaptalk run --home HOME      # ours again, cached; its report now knows the other
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from swaptalk_models.data.home import Home
from swaptalk_models.evaluation.test_videos import ORIGIN_FILE

MODULES = ("vqgan", "face_swapper", "lip_sync")
_SAME = ("snapshot", "pairs", "chunk_seconds", "seed", "code")  # of two evaluations with the same scenes


@dataclass(frozen=True)
class Variant:
    """One setting of one module that is another."""

    module: str
    changed: dict[str, Any]
    """Field of its configuration -> value."""
    settings: str
    """The words of `swaptalk run` that make it."""
    follows: tuple[str, ...] = ()
    """Fields of the module that have to change along."""
    kept: tuple[str, ...] = ()
    """Models that are not built on the module, and so have to be the very same as ours."""


def _at(factor: int, channels: str) -> Variant:
    return Variant("vqgan", {"factor": factor}, f"--set vqgan.factor={factor} --set 'vqgan.channels=[{channels}]'", ("channels",))


VARIANTS = {
    "without identity losses": Variant(
        "face_swapper",
        {"source_identity_weight": 0.0, "teacher_identity_weight": 0.0},
        "--set face_swapper.source_identity_weight=0 --set face_swapper.teacher_identity_weight=0",
        kept=("vqgan", "lip_sync"),
    ),
    "without expert": Variant(
        "lip_sync", {"sync_weight": 0.0}, "--set lip_sync.sync_weight=0", kept=("vqgan", "face_swapper")
    ),
    "at f8": _at(8, "32,64,128"),
    "at f16": _at(16, "32,64,128,192"),
    "at f32": _at(32, "32,64,128,192,192"),
}


@dataclass(frozen=True)
class Evaluation:
    """One measured set of test videos."""

    folder: Path
    """HOME/evaluation/VERSION."""
    origin: dict[str, Any]
    """See ``test_videos.origin``."""
    configs: dict[str, dict[str, Any]]
    """Configuration of each model."""
    results: dict[str, dict[str, Any]]
    """result.json of each model."""
    rows: list[dict[str, Any]] = field(repr=False)
    """The metrics, a row a video."""

    def is_variant(self, variant: Variant, ours: Evaluation) -> bool:
        """Whether this is ``ours`` but for the variant's setting, on the same scenes. Ours itself may be: it has some compression, too."""
        return (
            all(self.origin.get(key) == ours.origin.get(key) for key in _SAME)
            and all(self.configs[variant.module].get(key) == value for key, value in variant.changed.items())
            and all(self.origin["models"][name] == ours.origin["models"][name] for name in variant.kept)
            and all(self._rest(name, variant) == ours._rest(name, variant) for name in MODULES)
        )

    def _rest(self, name: str, variant: Variant) -> dict[str, Any]:
        """Configuration of a model without what the variant changes, and of its training the length alone: not where it ran."""
        apart = {"train", *variant.changed, *variant.follows} if name == variant.module else {"train"}
        config = self.configs[name]
        return {key: value for key, value in config.items() if key not in apart} | {"steps": config["train"]["steps"]}


def load_evaluation(home: Home, metrics: Path) -> Evaluation:
    """The evaluation whose measurements lie in the folder ``metrics`` (HOME/evaluation/VERSION/metrics_VERSION)."""
    origin = json.loads((metrics.parent / ORIGIN_FILE).read_text())
    folders = {name: home.models / name / version for name, version in origin["models"].items()}
    configs = {name: json.loads((folder / "config.json").read_text())["config"] for name, folder in folders.items()}
    results = {name: json.loads((folder / "result.json").read_text()) for name, folder in folders.items()}
    return Evaluation(metrics.parent, origin, configs, results, pq.read_table(metrics / "metrics.parquet").to_pylist())


def find_variants(home: Home, metrics: Path) -> dict[str, Evaluation]:
    """{name of VARIANTS: its evaluation}, for those that this home has beside ``metrics``, by the same judges and settings; the newest
    of each.
    """
    ours = load_evaluation(home, metrics)
    measured = sorted(home.evaluation.glob(f"*/{metrics.name}/metrics.parquet"), key=lambda path: path.stat().st_mtime)
    known = []
    for path in measured:
        with contextlib.suppress(FileNotFoundError):  # made by other code, or of models that were deleted: no longer to be compared
            known.append(load_evaluation(home, path.parent))
    return {name: one for name, variant in VARIANTS.items() for one in known if one.is_variant(variant, ours)}
