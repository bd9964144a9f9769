"""Every metric of every test video: a row a video as Parquet, a row a method with intervals as JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.evaluation.files import ENCODED_FOLDER, METRICS_FILE, SCORES_FILE, SUMMARY_FILE, metrics_name
from swaptalk_models.evaluation.measure.judging import judge_files
from swaptalk_models.evaluation.measure.make_videos import make_test_videos
from swaptalk_models.evaluation.measure.scene_files import scene_files
from swaptalk_models.evaluation.measure.scene_videos import SceneVideo, evaluation_folder
from swaptalk_models.evaluation.measure.scoring import score_videos
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.metrics.conditions import CONDITIONS
from swaptalk_models.metrics.table import FURTHER
from swaptalk_models.modules.model_folder import EVALUATION_FILE, current
from swaptalk_models.settings.evaluation import EvaluationConfig
from swaptalk_models.settings.methods import CROSS, GROUND_TRUTH, OURS, SELF, SWAP_ALONE
from swaptalk_models.settings.preset import Preset

if TYPE_CHECKING:
    from swaptalk_models.metrics.evaluate import VideoScores

_FEATURES_FOLDER = "features"  # only while the measuring lasts


def metrics_folder(home: Home, preset: Preset) -> Path:
    """Folder of the measurements: beside the videos, named by judges and settings."""
    judge = current(home.root, "sync_judge").version
    # Which methods there are is the videos' concern: evaluations of different methods, measured alike, can be compared.
    settings = asdict(preset.evaluation) | {"methods": None} | judge_files(preset.evaluation)
    version = hash_values([judge, settings, CODE_VERSIONS["metrics"]])[:16]
    return evaluation_folder(home, preset) / metrics_name(version)


def measure_test_videos(home: Home, preset: Preset) -> Memoised[Path]:
    """Measure all test videos, unless these were measured by this judge before. Gives the path of the table, a row a video.

    Beside it lie summary.json (method x setting x metric with intervals) and scores.json (curves and details of each video).
    The figures that speak of one model are put into its folder.
    """
    folder = metrics_folder(home, preset)
    output = folder / METRICS_FILE
    cached = output.is_file()
    if not cached:
        videos = make_test_videos(home, preset).value
        judge = current(home.root, "sync_judge").path
        with _emptied(folder / _FEATURES_FOLDER) as features:
            files = scene_files(home, videos, preset.evaluation)
            encodings = folder.parent / ENCODED_FOLDER if preset.evaluation.reencode else None
            scores = score_videos(files, judge, preset.face_tracks, preset.evaluation, features, encodings)
            _add_falls(videos, scores)
            _write(folder, videos, scores, preset.evaluation)
    _tell_models(home, pq.read_table(output).to_pylist(), folder.name)
    return Memoised(output, cached)


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """A folder without what a killed run has left there; deleted in the end."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _add_falls(videos: Sequence[SceneVideo], scores: Sequence[VideoScores]) -> None:
    """`lse_c_fall` of each cross-driven video: scenes of one number have the same target in both settings."""
    matched = {
        (video["method"], video["scene"].removeprefix(SELF), video["target"]): score.metrics["lse_c"]
        for video, score in zip(videos, scores, strict=True)
        if video["setting"] == SELF and video["method"] != GROUND_TRUTH
    }
    for video, score in zip(videos, scores, strict=True):
        own = matched.get((video["method"], video["scene"].removeprefix(CROSS), video["target"]))
        other = score.metrics["lse_c"]
        if video["setting"] == CROSS and own is not None and other is not None:
            score.details["lse_c_fall"] = own - other


def _write(folder: Path, videos: Sequence[SceneVideo], scores: Sequence[VideoScores], config: EvaluationConfig) -> None:
    from swaptalk_models.metrics.summary import summarise, total_excluded

    groups: dict[tuple[str, str], list[VideoScores]] = {}
    for video, score in zip(videos, scores, strict=True):
        groups.setdefault((video["setting"], video["method"]), []).append(score)
    summary = [
        {
            "setting": setting,
            "method": method,
            "videos": len(group),
            "cells": {metric: asdict(interval) for metric, interval in summarise(group, config).items()},
            "excluded": total_excluded(group),
        }
        for (setting, method), group in groups.items()
    ]
    details = [
        {
            "details": score.details,
            "similarity": score.similarity,
            "offset_curve": score.offset_curve,
            "judges": score.judges,
        }
        for score in scores
    ]
    rows = [_row(video, score) for video, score in zip(videos, scores, strict=True)]
    with atomic_write(folder / SUMMARY_FILE) as aside:
        aside.write_text(json.dumps(summary, indent=1))
    with atomic_write(folder / SCORES_FILE) as aside:
        aside.write_text(json.dumps(details))
    names = {name: None for row in rows for name in row}
    columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
    columns = {
        name: column.cast(pa.float64()) if pa.types.is_null(column.type) else column for name, column in columns.items()
    }
    with atomic_write(folder / METRICS_FILE) as aside:  # last: its presence says that all is there
        pq.write_table(pa.table(columns), aside)


def _row(video: SceneVideo, score: VideoScores) -> dict[str, Any]:
    """Of the table: files by their names alone, so that a home may be moved."""
    return {
        "scene": video["scene"],
        "setting": video["setting"],
        "method": video["method"],
        "path": Path(video["path"]).name,
        "target": Path(video["target"]).name,
        "source": Path(video["source"]).name,
        "audio": Path(video["audio"]).name,
        "frames": score.frames,
        "excluded": sum(score.excluded.values()),
        **score.metrics,
        **{name: score.details.get(name) for name in FURTHER},
        **{condition.key: score.details.get(condition.key) for condition in CONDITIONS},
    }


def _tell_models(home: Home, rows: list[dict[str, Any]], source: str) -> None:
    """What the finished videos say of each model, into its folder: `swaptalk status` shows it."""
    ours = [row for row in rows if row["method"] == OURS]
    self_driven = [row for row in ours if row["setting"] == SELF]
    without_lips = [
        row for row in rows if row["method"] == SWAP_ALONE
    ]  # shows which of the two modules loses an identity
    swap_alone = ("id_retrieve", "target_similarity") if without_lips else ()
    figures = {
        "face_swapper": {
            "id_retrieve": _mean(ours, "id_retrieve"),
            "source_similarity": _mean(ours, "id_similarity"),
            "target_similarity": _mean(ours, "target_similarity"),
            **{f"swap_alone_{name}": _mean(without_lips, name) for name in swap_alone},
        },
        "lip_sync": {
            "mouth_correlation": _mean(self_driven, "mouth_correlation"),
            # The median: one video in which the judge finds no peak would move a mean by many frames.
            "av_offset": _median(self_driven, "av_offset"),
        },
    }
    for name, values in figures.items():
        path = current(home.root, name).path / EVALUATION_FILE
        text = json.dumps({"metrics": values, "from": source}, indent=1)
        if not path.is_file() or path.read_text() != text:
            with atomic_write(path) as aside:
                aside.write_text(text)


def _known(rows: list[dict[str, Any]], name: str) -> list[float]:
    return [row[name] for row in rows if row[name] is not None]


def _mean(rows: list[dict[str, Any]], name: str) -> float | None:
    return float(np.mean(_known(rows, name))) if _known(rows, name) else None


def _median(rows: list[dict[str, Any]], name: str) -> float | None:
    return float(np.median(_known(rows, name))) if _known(rows, name) else None
