"""What a home holds that `swaptalk run` has brought to its end, for the pages of figures that are made from one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.data.snapshot import Snapshot, load_snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state import HomeState
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.variants import Evaluation, find_variants, load_evaluation, other_trainings
from swaptalk_models.evaluation.compare.verdicts import Claim, ClaimRow
from swaptalk_models.evaluation.files import METRICS_FILE, SCORES_FILE, claims_file
from swaptalk_models.graph.models import MODELS, own_models
from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.modules.model_folder import EVALUATION_FILE, ModelFolder, current
from swaptalk_models.settings.preset import load_preset


@dataclass(frozen=True)
class Results:
    """What a finished home holds."""

    state: HomeState
    """See ``Home.state``."""
    confidence: float
    """Of all intervals."""
    snapshot: Snapshot
    models: dict[str, ModelFolder]
    """In the order of their training."""
    evaluation: Evaluation
    summary: list[dict[str, Any]]
    """A row a setting and method."""
    others: list[dict[str, Any]]
    """The same of our method, trained otherwise."""
    judges: dict[str, str | None]
    gallery: int | None
    """Faces among which ID retrieve looks for the source."""
    claims: list[Claim]


def read_results(root: Path) -> Results:
    """Read a home, by whatever version of the code it was made.

    Raises:
        UserError: its last run was not brought to an end.
    """
    home = Home(root)
    state = home.state()
    if state.report is None or state.preset is None:
        raise UserError(f"{root}: no finished run: bring one to its end with `swaptalk run`")
    # By name: the home may have been moved since. Its versions are not computed anew: the code may have moved on, too.
    report = home.evaluation / Path(state.report).parent.name / Path(state.report).name
    told = current(root, "lip_sync").path / EVALUATION_FILE
    measured = report.parent / (json.loads(told.read_text())["from"] if told.is_file() else "")
    if not report.is_file() or not (measured / METRICS_FILE).is_file():
        raise UserError(f"{root}: the evaluation of its last run is gone: make it again with `swaptalk run`")
    evaluation = load_evaluation(home, measured)
    trained = {spec.name for spec in own_models()} | evaluation.origin["models"].keys()
    models = {name: current(root, name) for name in MODELS if name in trained}
    if any(models[name].version != version for name, version in evaluation.origin["models"].items()):
        raise UserError(f"{root}: its models are not those of its report: `swaptalk run` brings them together")
    scores = json.loads((measured / SCORES_FILE).read_text())
    preset = load_preset(state.preset, state.overrides)
    return Results(
        state,
        preset.evaluation.confidence,
        load_snapshot(home, evaluation.origin["snapshot"]),
        models,
        evaluation,
        evaluation.summary,
        other_trainings(find_variants(home, measured, preset.training_snapshot.extra), measured),
        scores[0]["judges"],
        max((score["details"].get("gallery_size") or 0 for score in scores), default=0) or None,
        [_claim(claim) for claim in json.loads(claims_file(report).read_text())],
    )


def _claim(said: dict[str, Any]) -> Claim:
    return Claim(said["text"], [ClaimRow(**row | {"delta": Interval(**row["delta"])}) for row in said["rows"]])
