"""Evaluations of one home that differ by one thing only: the ablations and the compression study, paired scene by scene.

Another set of models is made by the run that everybody knows, with one setting changed, and its evaluation stays in the home beside ours:

    swaptalk run --home HOME --set lip_sync.sync_weight=0 --until metrics
    swaptalk run --home HOME      # ours again, cached; its report now knows the other
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from swaptalk_models.data.home import Home
from swaptalk_models.evaluation.test_videos import ORIGIN_FILE

_SAME = ("snapshot", "pairs", "chunk_seconds", "seed", "code")  # of two evaluations with the same scenes


@dataclass(frozen=True)
class Variant:
    """One setting of one module that is another."""

    module: str
    changed: dict[str, Any]
    """Field of its configuration -> value."""
    same: tuple[str, ...] = ()
    """Models that have to be the very same as ours."""
    settings: str = ""
    """The words of `swaptalk run` that make it."""


VARIANTS = {
    "without identity losses": Variant(
        "face_swapper",
        {"source_identity_weight": 0.0, "teacher_identity_weight": 0.0},
        ("vqgan", "lip_sync"),
        "--set face_swapper.source_identity_weight=0 --set face_swapper.teacher_identity_weight=0",
    ),
    "without expert": Variant("lip_sync", {"sync_weight": 0.0}, ("vqgan", "face_swapper"), "--set lip_sync.sync_weight=0"),
    "at f8": Variant("vqgan", {"factor": 8}, (), "--set vqgan.factor=8 --set 'vqgan.channels=[32,64,128]'"),
    "at f16": Variant("vqgan", {"factor": 16}, (), "--set vqgan.factor=16 --set 'vqgan.channels=[32,64,128,192]'"),
    "at f32": Variant("vqgan", {"factor": 32}, (), "--set vqgan.factor=32 --set 'vqgan.channels=[32,64,128,192,192]'"),
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
        config = self.configs[variant.module]
        return (
            all(self.origin[key] == ours.origin[key] for key in _SAME)
            and all(config.get(key) == value for key, value in variant.changed.items())
            and all(self.origin["models"][name] == ours.origin["models"][name] for name in variant.same)
            and (not variant.same or _others(config, variant) == _others(ours.configs[variant.module], variant))
        )


def _others(config: dict[str, Any], variant: Variant) -> dict[str, Any]:
    """What the variant leaves alone. Where and how often a training ran is no part of it."""
    return {key: value for key, value in config.items() if key not in variant.changed and key != "train"} | {
        "steps": config["train"]["steps"]
    }


def load_evaluation(home: Home, metrics: Path) -> Evaluation:
    """The evaluation whose measurements lie in the folder ``metrics`` (HOME/evaluation/VERSION/metrics_VERSION)."""
    origin = json.loads((metrics.parent / ORIGIN_FILE).read_text())
    folders = {name: home.models / name / version for name, version in origin["models"].items()}
    configs = {name: json.loads((folder / "config.json").read_text())["config"] for name, folder in folders.items()}
    results = {name: json.loads((folder / "result.json").read_text()) for name, folder in folders.items()}
    return Evaluation(metrics.parent, origin, configs, results, pq.read_table(metrics / "metrics.parquet").to_pylist())


def find_variants(home: Home, metrics: Path) -> dict[str, Evaluation]:
    """{name of VARIANTS: its evaluation}, for those that this home has beside ``metrics``, by the same judges and settings; the newest of each."""
    ours = load_evaluation(home, metrics)
    measured = sorted(home.evaluation.glob(f"*/{metrics.name}/metrics.parquet"), key=lambda path: path.stat().st_mtime)
    known = [load_evaluation(home, path.parent) for path in measured if (path.parents[1] / ORIGIN_FILE).is_file()]
    return {name: one for name, variant in VARIANTS.items() for one in known if one.is_variant(variant, ours)}
