"""Evaluations of one home that differ by one thing only: the ablations, the compression study, less data; paired scene by scene.

Another set of models is made by the run that everybody knows, with one setting changed, and its evaluation stays in the home beside ours:

    swaptalk run --home HOME --ablate no-expert --until metrics
    swaptalk run --home HOME      # ours again, cached; its report now knows the other
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.measure.videos import ORIGIN_FILE
from swaptalk_models.settings.methods import OURS
from swaptalk_models.training.spec import content

MODULES = ("vqgan", "face_swapper", "lip_sync")
_SAME = ("snapshot", "pairs", "chunk_seconds", "seed", "code")  # of two evaluations with the same scenes


@dataclass(frozen=True)
class Variant:
    """One thing that is another: settings of one module, or what all of them were trained on."""

    word: str
    """The ablation that makes it: see swaptalk_models/settings/ablations.py."""
    module: str = ""
    changed: dict[str, Any] = field(default_factory=dict)
    """Field of its configuration -> value."""
    follows: tuple[str, ...] = ()
    """Fields of the module that have to change along."""
    kept: tuple[str, ...] = ()
    """Models that are not built on the module, and so have to be the very same as ours."""
    no_extra_data: bool = False
    """Trained without the videos that ``training_snapshot.extra`` names."""


VARIANTS = {
    "without extra data": Variant("no-extra-data", no_extra_data=True),
    "without identity losses": Variant(
        "no-identity-loss",
        "face_swapper",
        {"source_identity_weight": 0.0, "teacher_identity_weight": 0.0},
        kept=("vqgan", "lip_sync"),
    ),
    "without expert": Variant("no-expert", "lip_sync", {"sync_weight": 0.0}, kept=("vqgan", "face_swapper")),
} | {f"at f{factor}": Variant(f"f{factor}", "vqgan", {"factor": factor}, ("channels",)) for factor in (8, 16, 32)}


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
    left_out: dict[str, frozenset[str]]
    """Module, or what taught one (the lip expert, the swap teacher) -> patterns of the videos that its training left out."""
    rows: list[dict[str, Any]] = field(repr=False)
    """The metrics, a row a video."""
    summary: list[dict[str, Any]] = field(repr=False)
    """Means with their intervals, a row a method and setting."""

    def is_variant(self, variant: Variant, ours: Evaluation, extra: Sequence[str] = ()) -> bool:
        """Whether this is ``ours`` but for the variant's setting, on the same scenes. Ours itself may be: it has some compression, too.

        Args:
            extra: patterns of the extra data, which ours were trained on.
        """
        without = {name: patterns | set(extra) for name, patterns in ours.left_out.items()} if variant.no_extra_data else ours.left_out
        return (
            all(self.origin.get(key) == ours.origin.get(key) for key in _SAME)
            and all(self.configs[variant.module].get(key) == value for key, value in variant.changed.items())
            and self.left_out == without
            and (without != ours.left_out or not variant.no_extra_data)
            and all(self.origin["models"][name] == ours.origin["models"][name] for name in variant.kept)
            and all(self._rest(name, variant) == ours._rest(name, variant) for name in MODULES)
        )

    def _rest(self, name: str, variant: Variant) -> dict[str, Any]:
        """What decides about a model, without what the variant changes and what the trainings left out."""
        apart = (variant.changed.keys() | set(variant.follows)) if name == variant.module else set()
        config = content({key: value for key, value in self.configs[name].items() if key not in apart})
        return config | {"train": {key: value for key, value in config["train"].items() if key != "without"}}


def load_evaluation(home: Home, metrics: Path) -> Evaluation:
    """The evaluation whose measurements lie in the folder ``metrics`` (HOME/evaluation/VERSION/metrics_VERSION)."""
    origin = json.loads((metrics.parent / ORIGIN_FILE).read_text())
    folders = {name: home.models / name / version for name, version in origin["models"].items()}
    configs = {name: json.loads((folder / "config.json").read_text())["config"] for name, folder in folders.items()}
    results = {name: json.loads((folder / "result.json").read_text()) for name, folder in folders.items()}
    left_out = {name: _left_out(configs[name]) for name in MODULES}
    for module in MODULES:
        for name, version in results[module].get("inputs", {}).items():
            if name in ("lip_expert", "swap_teacher"):
                left_out[name] = _left_out(json.loads((home.models / name / version / "result.json").read_text())["config"])
    rows, summary = pq.read_table(metrics / "metrics.parquet").to_pylist(), json.loads((metrics / "summary.json").read_text())
    return Evaluation(metrics.parent, origin, configs, results, left_out, rows, summary)


def _left_out(config: dict[str, Any]) -> frozenset[str]:
    return frozenset(config.get("train", config).get("without", ()))


def find_variants(home: Home, metrics: Path, extra: Sequence[str] = ()) -> dict[str, Evaluation]:
    """{name of VARIANTS: its evaluation}, for those that this home has beside ``metrics``, by the same judges and settings; ours where it is
    one itself, else the newest of each.

    Args:
        extra: ``training_snapshot.extra`` of ours.
    """
    ours = load_evaluation(home, metrics)
    measured = sorted(home.evaluation.glob(f"*/{metrics.name}/metrics.parquet"), key=lambda path: path.stat().st_mtime)
    known = []
    for path in measured:
        with contextlib.suppress(FileNotFoundError):  # made by other code, or of models that were deleted: no longer to be compared
            known.append(load_evaluation(home, path.parent))
    known.append(ours)  # the last one counts
    return {name: one for name, variant in VARIANTS.items() for one in known if one.is_variant(variant, ours, extra)}


def other_trainings(variants: dict[str, Evaluation], metrics: Path) -> list[dict[str, Any]]:
    """Summary rows of our method by every variant but the one that is ours (``metrics`` is its folder), each called after its variant."""
    return [
        row | {"method": f"{OURS} {name}"}
        for name, variant in variants.items()
        if variant.folder != metrics.parent
        for row in variant.summary
        if row["method"] == OURS
    ]
