"""Puts the evaluation report together from what the stages left behind."""

from __future__ import annotations

import json
import os
import platform
import shlex
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq

from swaptalk_models.data.media.video import read_image
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.evaluation.compare.claims import Run, judge_claims
from swaptalk_models.evaluation.compare.compression import draw_compression
from swaptalk_models.evaluation.compare.groups import groups_of, worst_served
from swaptalk_models.evaluation.compare.variants import VARIANTS, Evaluation, find_variants, other_trainings
from swaptalk_models.evaluation.files import (
    COMPARISON_FILE,
    COMPRESSION_FILE,
    METRICS_FILE,
    PREVIEWS_FOLDER,
    SCORES_FILE,
    SUMMARY_FILE,
    claims_file,
    report_name,
)
from swaptalk_models.evaluation.measure.encoding import ENCODING
from swaptalk_models.evaluation.measure.scene_metrics import metrics_folder
from swaptalk_models.evaluation.measure.scene_videos import evaluation_folder, load_videos
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.graph.models import MODELS, Figure, needed_models
from swaptalk_models.metrics.agreement import agreements
from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.modules.model_folder import ModelFolder, current, held_out_metrics
from swaptalk_models.reporting.cases import video_cases
from swaptalk_models.reporting.page import write_report
from swaptalk_models.reporting.report_data import (
    ChangeRow,
    Exclusion,
    LineageNode,
    ModelMetric,
    ModelSection,
    Picture,
    ReleaseComparison,
    ReportData,
    ResultRow,
    RowKind,
    StageCost,
)
from swaptalk_models.settings.ablations import COMPRESSIONS
from swaptalk_models.settings.methods import GROUND_TRUTH, OURS, OURS_WITH_DETAIL
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.history import HISTORY_FILE, read_history

_PICTURE_WIDTH = 1200  # px
_PACKAGES = ("dagster", "torch", "pylance", "pyarrow", "opencv-python", "dlib-bin", "av", "numpy")


def write_evaluation_report(home: Home, preset: Preset) -> Memoised[Path]:
    """Write HOME/evaluation/VERSION/report_VERSION.html and its claims, unless this very report is there. Gives its path.

    Raises:
        UserError: metrics or models are missing.
    """
    folder = metrics_folder(home, preset)
    models = {spec.name: current(home.root, spec.name) for spec in needed_models(preset)}
    variants = find_variants(home, folder, preset.training_snapshot.extra)
    comparison = folder / COMPARISON_FILE
    content = {
        "metrics": folder.name,
        "models": {name: model.version for name, model in models.items()},
        "variants": {name: variant.folder.name for name, variant in variants.items()},
        "comparison": comparison.read_text() if comparison.is_file() else None,
        "code": CODE_VERSIONS["evaluation_report"],
    }
    output = evaluation_folder(home, preset) / report_name(hash_values(content)[:16])
    cached = output.is_file()
    if not cached:
        report = _collect(home, preset, folder, models, variants)
        with atomic_write(claims_file(output)) as aside:
            claims = [asdict(claim) | {"verdict": claim.verdict} for claim in report.claims]
            aside.write_text(json.dumps(claims, indent=1))
        write_report(output, report, f"{preset.evaluation.confidence:.0%}")  # last: its presence says that all is there
    return Memoised(output, cached)


def _collect(
    home: Home, preset: Preset, folder: Path, models: dict[str, ModelFolder], variants: dict[str, Evaluation]
) -> ReportData:
    summary = json.loads((folder / SUMMARY_FILE).read_text())
    scores = json.loads((folder / SCORES_FILE).read_text())
    videos = load_videos(evaluation_folder(home, preset))
    rows = pq.read_table(folder / METRICS_FILE).to_pylist()
    snapshot = load_snapshot(home)
    with Ledger(home.ledger) as ledger:
        costs = [StageCost(r.stage, r.seconds, r.computed, r.cached, r.quarantined) for r in ledger.last_run().values()]
        bad = [Exclusion(entry.clip, entry.stage, entry.reason) for entry in ledger.quarantine()]
    held_out = len({clip["person"] for clip in snapshot.clips("test")})
    trained_on = len({clip["person"] for clip in snapshot.clips("train")})
    groups, deficits = groups_of(home, preset)
    other_rows = {name: variant.rows for name, variant in variants.items()}
    return ReportData(
        title="SwapTalk: evaluation",
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        preset=preset.name,
        summary=f"Trained on {trained_on} people, measured on {held_out} others whom no training saw. "
        "Every figure names its judge; no generator was trained against one.",
        judges=scores[0]["judges"],
        rows=_rows(summary) + [replace(row, kind=RowKind.VARIANT) for row in _rows(other_trainings(variants, folder))],
        claims=judge_claims(rows, other_rows, preset.evaluation, _run(home, preset)),
        comparison=_comparison(folder / COMPARISON_FILE),
        encoding=ENCODING if preset.evaluation.reencode else "",
        groups=groups,
        worst_served=worst_served(groups, deficits),
        agreements=agreements(rows, preset.evaluation),
        cases=video_cases(videos, rows, scores, folder / PREVIEWS_FOLDER),
        models=[_section(name, model) for name, model in models.items()],
        pictures=_compression_picture(variants, folder / COMPRESSION_FILE),
        lineage=_lineage(models, snapshot.version),
        exclusions=bad + _excluded_frames(summary),
        costs=costs,
        provenance=_provenance(preset, snapshot.version, models),
        packages={name: version(name) for name in _PACKAGES},
    )


def _provenance(preset: Preset, snapshot: str, models: dict[str, ModelFolder]) -> dict[str, str]:
    config, results = preset.evaluation, {name: model.result() for name, model in models.items()}
    return {
        "training snapshot": snapshot,
        **{name: f"version {model.version}" for name, model in models.items()},
        "scenes a setting": f"{config.pairs}, drawn by seed {config.seed}, chunks of about {config.chunk_seconds:g} s",
        "training seeds": ", ".join(sorted({str(_seed(model)) for model in models.values()} - {"None"})),
        "hardware": results["vqgan"]["hardware"],
        "cost of all trainings": f"{sum(result['seconds'] for result in results.values()) / 60:,.1f} minutes on it",
        "report made on": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _run(home: Home, preset: Preset) -> Run:
    """What made this evaluation, with words for what lies on this machine only; any list of methods is left out."""
    state = home.state()
    words = ["swaptalk run --home HOME", f"--preset {preset.name}"]
    words += [f"--{name} {name.upper()}" for name in ("videos", "hdtf") if getattr(state, name)]
    overrides = state.overrides.items()
    words += [
        f"--set {shlex.quote(f'{key}={value}')}"
        for key, value in overrides
        if key not in ("evaluation.methods", "ablate")
    ]
    return Run(" ".join(words), preset.ablate, bool(preset.training_snapshot.extra))


def _seed(model: ModelFolder) -> int | None:
    config = model.config()["config"] if (model.path / "config.json").is_file() else {}
    return (config.get("train") or {}).get("seed")


def _comparison(path: Path) -> ReleaseComparison | None:
    """What evaluation/compare/release.py has left: {"released", "why", "cells": [{a ``ChangeRow`` as JSON}]}."""
    if not path.is_file():
        return None
    said = json.loads(path.read_text())
    rows = [ChangeRow(**cell | {"gain": Interval(**cell["gain"])}) for cell in said["cells"]]
    return ReleaseComparison(said["released"], rows, said["why"] or "")


def _compression_picture(variants: dict[str, Evaluation], path: Path) -> list[Picture]:
    """The compression study, where this home has evaluations at several compressions."""
    points = [variants[name] for name, variant in VARIANTS.items() if name in variants and variant.word in COMPRESSIONS]
    if len(points) < 2:
        return []
    image = read_image(draw_compression(points, path))
    return [
        Picture(image, "Compression of the VQGAN, after the paper's Figure 5: one scene at each, and held-out figures.")
    ]


def _rows(summary: list[dict[str, Any]]) -> list[ResultRow]:
    kinds = {GROUND_TRUTH: RowKind.TRUTH, OURS: RowKind.OURS, OURS_WITH_DETAIL: RowKind.VARIANT}
    return [
        ResultRow(
            row["method"],
            row["setting"],
            {metric: Interval(**cell) for metric, cell in row["cells"].items()},
            kinds.get(row["method"], RowKind.BASELINE),
            row["videos"],
        )
        for row in summary
    ]


def _section(name: str, model: ModelFolder) -> ModelSection:
    result = model.result()
    return ModelSection(
        name,
        model.version,
        model_metrics(name, model),
        read_history(model.path / HISTORY_FILE),
        [Picture(_fitted(path), path.stem) for path in sorted((model.path / "samples").glob("*.png"))],
        {"steps": f"{result['step']:,}", "seconds": f"{result['seconds']:.0f}", "trained on": result["hardware"]}
        | ({"weights": result["kept"]} if "kept" in result else {}),
    )


def model_metrics(name: str, model: ModelFolder) -> list[ModelMetric]:
    """A model's figures on held-out people, against their targets and trivial baselines."""
    baselines, own, figures = model.result()["baselines"], model.result()["metrics"], held_out_metrics(model)
    found = []
    for metric, value in figures.items():
        # Further things to compare with stand beside the trivial one as FIGURE_WHAT.
        others = {
            key.removeprefix(f"{metric}_").replace("_", " "): other
            for key, other in baselines.items()
            if key.startswith(f"{metric}_") and key not in figures
        }
        found.append(replace(_metric(name, metric, value, baselines.get(metric)), own=own.get(metric), others=others))
    return found


def _metric(model: str, name: str, value: float | None, baseline: float | None) -> ModelMetric:
    figure = MODELS[model].figures.get(name, Figure(""))
    return ModelMetric(name, value, figure.threshold, figure.at_least, baseline, figure.baseline_name, figure.meaning)


def _fitted(path: Path) -> np.ndarray:
    image = read_image(path)
    scale = _PICTURE_WIDTH / image.shape[1]
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def _lineage(models: dict[str, ModelFolder], snapshot: str) -> list[LineageNode]:
    details = {name: model.version[:8] for name, model in models.items()} | {"training_snapshot": snapshot[:8]}
    return [LineageNode(name, group, upstream, details.get(name, "")) for name, (group, upstream) in LINEAGE.items()]


def _excluded_frames(summary: list[dict[str, Any]]) -> list[Exclusion]:
    return [
        Exclusion(f"{row['method']}, {row['setting']}-driven", "metrics", reason, count)
        for row in summary
        for reason, count in row["excluded"].items()
        if count
    ]
