"""Evaluations of one home that differ by one thing only: the ablations, the compression study, less data; paired scene by
scene.

Another set of models is made by the run that everybody knows, with one setting changed, and its evaluation stays in the home
beside ours:

    swaptalk run --home HOME --ablate no-expert --until metrics
    swaptalk run --home HOME      # ours again, cached; its report now knows the other

What sets a variant apart follows from its ablation (settings/ablations.py) and from which model is built on which
(graph/models.py).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.files import MADE_FROM_FILE, METRICS_FILE, SUMMARY_FILE, measured
from swaptalk_models.graph.models import MODELS, RELEASED
from swaptalk_models.settings.ablations import ABLATIONS, UNDER_TEST, Ablation
from swaptalk_models.settings.methods import OURS
from swaptalk_models.training.spec import content

_SAME = ("snapshot", "pairs", "chunk_seconds", "seed", "code")  # of two evaluations with the same scenes
_TEACHERS = frozenset(section.partition(".")[0] for section in UNDER_TEST) - set(RELEASED)


@dataclass(frozen=True)
class Variant:
    """Our models but for one thing: settings of one of them, or what all were trained on."""

    word: str
    """The ablation that makes it."""
    changed: Mapping[str, Mapping[str, Any]]
    """Model -> field of its configuration -> value."""
    follows: Mapping[str, frozenset[str]]
    """Model -> fields that have to change along."""
    kept: tuple[str, ...]
    """Models that are not built on a changed one, and so have to be the very same as ours."""
    without_extra: bool
    """Trained without the videos that ``training_snapshot.extra`` names."""

    @classmethod
    def of(cls, word: str, ablation: Ablation) -> Variant:
        """What the ablation makes of our models."""
        changed = _by_model(ablation.changes)
        follows = _by_model(ablation.follows({}) if ablation.follows else {})
        touched = set(RELEASED) if ablation.without_extra else _built_on(changed.keys() | follows.keys())
        return cls(
            word,
            changed,
            {name: frozenset(fields) for name, fields in follows.items()},
            tuple(name for name in RELEASED if name not in touched),
            ablation.without_extra,
        )


def _by_model(overrides: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{"model.field": value} -> {model: {field: value}}; settings of the data are not a model's."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in overrides.items():
        model, _, setting = name.partition(".")
        if model in MODELS:
            found.setdefault(model, {})[setting] = value
    return found


def _built_on(names: Iterable[str]) -> set[str]:
    """These models and all that are built on them."""
    found = set(names)
    for name, spec in MODELS.items():  # in an order in which they can be trained
        if found.intersection(spec.inputs):
            found.add(name)
    return found


VARIANTS: dict[str, Variant] = {one.label: Variant.of(word, one) for word, one in ABLATIONS.items() if one.label}
"""By the name that the report gives them."""


@dataclass(frozen=True)
class Evaluation:
    """One measured set of test videos."""

    folder: Path
    """HOME/evaluation/VERSION."""
    origin: dict[str, Any]
    """See ``scene_videos.origin``."""
    configs: dict[str, dict[str, Any]]
    """Configuration of each model."""
    results: dict[str, dict[str, Any]]
    """result.json of each model."""
    left_out: dict[str, frozenset[str]]
    """Model, or what taught one (the lip expert, the swap teacher) -> patterns of the videos that its training left out."""
    rows: list[dict[str, Any]] = field(repr=False)
    """The metrics, a row a video."""
    summary: list[dict[str, Any]] = field(repr=False)
    """Means with their intervals, a row a method and setting."""

    def is_variant(self, variant: Variant, ours: Evaluation, extra: Sequence[str] = ()) -> bool:
        """Whether this is ``ours`` but for the variant's setting, on the same scenes. Ours itself may be: it has some
        compression, too.

        Args:
            extra: patterns of the extra data, which ours were trained on.
        """
        less = {name: patterns | set(extra) for name, patterns in ours.left_out.items()}
        expected = less if variant.without_extra else ours.left_out
        return (
            all(self.origin.get(key) == ours.origin.get(key) for key in _SAME)
            and all(
                self.configs[name].get(key) == value
                for name, fields in variant.changed.items()
                for key, value in fields.items()
            )
            and self.left_out == expected
            and (expected != ours.left_out or not variant.without_extra)
            and all(self.origin["models"][name] == ours.origin["models"][name] for name in variant.kept)
            and all(self._rest(name, variant) == ours._rest(name, variant) for name in RELEASED)
        )

    def _rest(self, name: str, variant: Variant) -> dict[str, Any]:
        """What decides about a model, without what the variant changes and what the trainings left out."""
        apart = variant.changed.get(name, {}).keys() | variant.follows.get(name, frozenset())
        config = content({key: value for key, value in self.configs[name].items() if key not in apart})
        return config | {"train": {key: value for key, value in config["train"].items() if key != "without"}}


def load_evaluation(home: Home, metrics: Path) -> Evaluation:
    """The evaluation whose measurements lie in the folder ``metrics`` (HOME/evaluation/VERSION/metrics_VERSION)."""
    origin = json.loads((metrics.parent / MADE_FROM_FILE).read_text())
    folders = {name: home.models / name / version for name, version in origin["models"].items()}
    configs = {name: json.loads((folder / "config.json").read_text())["config"] for name, folder in folders.items()}
    results = {name: json.loads((folder / "result.json").read_text()) for name, folder in folders.items()}
    left_out = {name: _left_out(configs[name]) for name in RELEASED}
    for module in RELEASED:
        for name, version in results[module].get("inputs", {}).items():
            if name in _TEACHERS:
                result = json.loads((home.models / name / version / "result.json").read_text())
                left_out[name] = _left_out(result["config"])
    rows, summary = pq.read_table(metrics / METRICS_FILE).to_pylist(), json.loads((metrics / SUMMARY_FILE).read_text())
    return Evaluation(metrics.parent, origin, configs, results, left_out, rows, summary)


def _left_out(config: dict[str, Any]) -> frozenset[str]:
    return frozenset(config.get("train", config).get("without", ()))


def find_variants(home: Home, metrics: Path, extra: Sequence[str] = ()) -> dict[str, Evaluation]:
    """{name of VARIANTS: its evaluation}, for those that this home has beside ``metrics``, by the same judges and settings;
    ours where it is one itself, else the newest of each.

    Args:
        extra: ``training_snapshot.extra`` of ours.
    """
    ours = load_evaluation(home, metrics)
    known = []
    for folder in measured(home, metrics.name):
        with contextlib.suppress(FileNotFoundError):
            # made by other code, or of models that were deleted: no longer to be compared
            known.append(load_evaluation(home, folder))
    known.append(ours)  # the last one counts
    return {name: one for name, variant in VARIANTS.items() for one in known if one.is_variant(variant, ours, extra)}


def other_trainings(variants: Mapping[str, Evaluation], metrics: Path) -> list[dict[str, Any]]:
    """Summary rows of our method by every variant but the one that is ours (``metrics`` is its folder), each called after its
    variant.
    """
    return [
        row | {"method": f"{OURS} {name}"}
        for name, variant in variants.items()
        if variant.folder != metrics.parent
        for row in variant.summary
        if row["method"] == OURS
    ]
