"""Puts the evaluation report together from what the stages left behind."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import cv2
import pyarrow.parquet as pq

from swaptalk_models.config import Preset
from swaptalk_models.data.fingerprint import hash_values
from swaptalk_models.data.home import Home
from swaptalk_models.data.ledger import Ledger
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.video import read_image
from swaptalk_models.evaluation.measure import metrics_folder
from swaptalk_models.evaluation.protocol import GROUND_TRUTH, OURS
from swaptalk_models.evaluation.targets import TARGETS
from swaptalk_models.evaluation.test_videos import evaluation_folder, load_records
from swaptalk_models.lineage import LINEAGE
from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.reporting.page import write_report
from swaptalk_models.reporting.report_data import (
    BASELINE,
    TRUTH,
    CaseClip,
    Exclusion,
    LineageNode,
    ModelMetric,
    ModelSection,
    Picture,
    ReportData,
    ResultRow,
    StageCost,
    VideoCase,
)
from swaptalk_models.reporting.report_data import OURS as OUR_ROW
from swaptalk_models.training.spec import MODEL_INPUTS, ModelFolder, current
from swaptalk_models.versions import CODE_VERSIONS

_CASES = 4  # scenes a setting that are shown with their videos
_PICTURE_WIDTH = 1200  # px
_PACKAGES = ("dagster", "torch", "pylance", "pyarrow", "opencv-python", "dlib-bin", "av", "numpy")


def write_evaluation_report(home: Path, preset: Preset) -> Path:
    """Write HOME/evaluation/VERSION/report_VERSION.html, unless this very report is there. Gives its path.

    Raises:
        UserError: metrics or models are missing.
    """
    home = Home(Path(home))
    folder = metrics_folder(home, preset)
    models = {name: current(home.root, name) for name in MODEL_INPUTS}
    content = [folder.name, {name: model.version for name, model in models.items()}, CODE_VERSIONS["evaluation_report"]]
    output = evaluation_folder(home, preset) / f"report_{hash_values(content)[:16]}.html"
    if not output.is_file():
        write_report(output, _collect(home, preset, folder, models))
    return output


def _collect(home: Home, preset: Preset, folder: Path, models: dict[str, ModelFolder]) -> ReportData:
    summary = json.loads((folder / "summary.json").read_text())
    scores = json.loads((folder / "scores.json").read_text())
    records = load_records(evaluation_folder(home, preset))
    snapshot = load_snapshot(home)
    with Ledger(home.ledger) as ledger:
        costs = [StageCost(r.stage, r.seconds, r.computed, r.cached, r.quarantined) for r in ledger.last_run().values()]
        bad = [Exclusion(entry.clip, entry.stage, entry.reason) for entry in ledger.quarantine()]
    held_out = len({clip["person"] for clip in snapshot.clips("test")})
    trained_on = len({clip["person"] for clip in snapshot.clips("train")})
    return ReportData(
        title="SwapTalk: evaluation",
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        preset=preset.name,
        summary=f"Trained on {trained_on} people, measured on {held_out} others whom no training saw. "
        "Every figure names its judge; no generator was trained against one.",
        judges=scores[0]["judges"],
        rows=_rows(summary),
        cases=_cases(records, scores, folder),
        models=[_section(name, model) for name, model in models.items()],
        lineage=_lineage(models, snapshot.version),
        exclusions=bad + _excluded_frames(summary),
        costs=costs,
        provenance={
            "training snapshot": snapshot.version,
            **{name: f"version {model.version}" for name, model in models.items()},
            "evaluation seed": str(preset.evaluation.seed),
            "hardware": models["vqgan"].result()["hardware"],
            "report made on": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        },
        packages={name: version(name) for name in _PACKAGES},
    )


def _rows(summary: list[dict]) -> list[ResultRow]:
    kinds = {GROUND_TRUTH: TRUTH, OURS: OUR_ROW}
    return [
        ResultRow(
            row["method"],
            row["setting"],
            {metric: Interval(**cell) for metric, cell in row["cells"].items()},
            kinds.get(row["method"], BASELINE),
            row["videos"],
        )
        for row in summary
    ]


def _cases(records: list[dict], scores: list[dict], folder: Path) -> list[VideoCase]:
    rows = pq.read_table(folder / "metrics.parquet").to_pylist()
    scenes: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        scenes.setdefault(record["scene"], []).append(number)
    shown: dict[str, int] = {}
    cases = []
    for numbers in scenes.values():
        first = records[numbers[0]]
        shown[first["setting"]] = shown.get(first["setting"], 0) + 1
        if shown[first["setting"]] > _CASES:
            continue
        clips = [
            CaseClip(
                "Target" if records[i]["method"] == GROUND_TRUTH else records[i]["method"],
                Path(records[i]["path"]),
                {name: value for name, value in rows[i].items() if isinstance(value, float)},
                [tuple(point) for point in scores[i]["similarity"]],
                [tuple(point) for point in scores[i]["offset_curve"]],
            )
            for i in numbers
        ]
        source, target = Path(first["source"]).stem, Path(first["target"]).stem
        voice = Path(records[numbers[-1]]["audio"]).stem
        note = f"source {source}, target {target}, voice {voice}"
        cases.append(VideoCase(f"{source} on {target}", clips, first["setting"], read_image(first["source"]), note))
    return cases


def _section(name: str, model: ModelFolder) -> ModelSection:
    result = model.result()
    evaluated = model.path / "evaluation.json"
    metrics = result["metrics"] | (json.loads(evaluated.read_text())["metrics"] if evaluated.is_file() else {})
    history = model.path / "history.parquet"
    rows = pq.read_table(history).to_pylist() if history.is_file() else []
    return ModelSection(
        name,
        model.version,
        [_metric(name, metric, value, result["baselines"].get(metric)) for metric, value in metrics.items()],
        [{key: value for key, value in row.items() if value is not None} for row in rows],
        [Picture(_fitted(path), path.stem) for path in sorted((model.path / "samples").glob("*.png"))],
        {"steps": f"{result['step']:,}", "seconds": f"{result['seconds']:.0f}", "trained on": result["hardware"]},
    )


def _metric(model: str, name: str, value: float | None, baseline: float | None) -> ModelMetric:
    target = TARGETS.get(model, {}).get(name)
    if target is None:
        return ModelMetric(name, value, baseline=baseline)
    return ModelMetric(name, value, target.threshold, target.at_least, baseline, target.baseline_name, target.meaning)


def _fitted(path: Path):
    image = read_image(path)
    scale = _PICTURE_WIDTH / image.shape[1]
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def _lineage(models: dict[str, ModelFolder], snapshot: str) -> list[LineageNode]:
    details = {name: model.version[:8] for name, model in models.items()} | {"training_snapshot": snapshot[:8]}
    return [LineageNode(name, group, upstream, details.get(name, "")) for name, (group, upstream) in LINEAGE.items()]


def _excluded_frames(summary: list[dict]) -> list[Exclusion]:
    return [
        Exclusion(f"{row['method']}, {row['setting']}-driven", "metrics", reason, count)
        for row in summary
        for reason, count in row["excluded"].items()
        if count
    ]
