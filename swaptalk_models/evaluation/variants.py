"""Evaluations of one home that differ by one thing only: the ablations, the compression study, less data; paired scene by scene.

Another set of models is made by the run that everybody knows, with one setting changed, and its evaluation stays in the home beside ours:

    swaptalk run --home HOME --ablate no-expert --until metrics
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
from swaptalk_models.evaluation.protocol import OURS
from swaptalk_models.evaluation.test_videos import ORIGIN_FILE

MODULES = ("vqgan", "face_swapper", "lip_sync")
_SAME = ("snapshot", "pairs", "chunk_seconds", "seed", "code")  # of two evaluations with the same scenes


@dataclass(frozen=True)
class Variant:
    """One thing that is another: settings of one module, or what all of them were trained on."""

    word: str
    """The ablation that makes it: see swaptalk_models/ablations.py."""
    module: str = ""
    changed: dict[str, Any] = field(default_factory=dict)
    """Field of its configuration -> value."""
    follows: tuple[str, ...] = ()
    """Fields of the module that have to change along."""
    kept: tuple[str, ...] = ()
    """Models that are not built on the module, and so have to be the very same as ours."""
    fewer_videos: bool = False
    """Trained without some of the videos that ours were trained on."""


VARIANTS = {
    "without extra data": Variant("no-extra-data", fewer_videos=True),
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
    rows: list[dict[str, Any]] = field(repr=False)
    """The metrics, a row a video."""
    summary: list[dict[str, Any]] = field(repr=False)
    """Means with their intervals, a row a method and setting."""

    def is_variant(self, variant: Variant, ours: Evaluation) -> bool:
        """Whether this is ``ours`` but for the variant's setting, on the same scenes. Ours itself may be: it has some compression, too."""
        return (
            all(self.origin.get(key) == ours.origin.get(key) for key in _SAME)
            and all(self.configs[variant.module].get(key) == value for key, value in variant.changed.items())
            and all(self._fewer(name, ours) == variant.fewer_videos for name in MODULES)
            and all(self.origin["models"][name] == ours.origin["models"][name] for name in variant.kept)
            and all(self._rest(name, variant) == ours._rest(name, variant) for name in MODULES)
        )

    def _fewer(self, name: str, ours: Evaluation) -> bool | None:
        """Whether a module left out videos that ours was trained on; None where ours left out some of its own."""
        left_out, by_ours = (set(one.configs[name]["train"].get("without", ())) for one in (self, ours))
        return left_out > by_ours if left_out >= by_ours else None

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
    rows, summary = pq.read_table(metrics / "metrics.parquet").to_pylist(), json.loads((metrics / "summary.json").read_text())
    return Evaluation(metrics.parent, origin, configs, results, rows, summary)


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


def other_trainings(variants: dict[str, Evaluation], metrics: Path) -> list[dict[str, Any]]:
    """Summary rows of our method by every variant but the one that is ours (``metrics`` is its folder), each called after its variant."""
    return [
        row | {"method": f"{OURS} {name}"}
        for name, variant in variants.items()
        if variant.folder != metrics.parent
        for row in variant.summary
        if row["method"] == OURS
    ]
