"""Every metric of every test video: a row a video as Parquet, a row a method with intervals as JSON."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from swaptalk_models.config import Preset
from swaptalk_models.data.aside import written_aside
from swaptalk_models.data.fingerprint import hash_values
from swaptalk_models.data.home import Home
from swaptalk_models.data.settings import FacesConfig
from swaptalk_models.errors import BadClip
from swaptalk_models.evaluation.protocol import OURS, SELF
from swaptalk_models.evaluation.test_videos import evaluation_folder, load_records, make_test_videos
from swaptalk_models.metrics.settings import EvaluationConfig
from swaptalk_models.training.spec import current
from swaptalk_models.versions import CODE_VERSIONS


def metrics_folder(home: Home, preset: Preset) -> Path:
    """Folder of the measurements: beside the videos, named by judge and settings."""
    judge = current(home.root, "sync_judge").version
    # Which methods there are is the videos' concern: evaluations of different methods, measured alike, can be compared.
    config = asdict(preset.evaluation) | {"methods": None}
    version = hash_values([judge, config, CODE_VERSIONS["metrics"]])[:16]
    return evaluation_folder(home, preset) / f"metrics_{version}"


def measure_test_videos(home: Path, preset: Preset) -> Path:
    """Measure all test videos, unless these were measured by this judge before. Gives the path of metrics.parquet.

    Beside it: summary.json (method x setting x metric with intervals) and scores.json (curves and details of each video). The figures that
    speak of one model are put into its folder as evaluation.json.
    """
    home = Home(Path(home))
    folder = metrics_folder(home, preset)
    output = folder / "metrics.parquet"
    if not output.is_file():
        make_test_videos(home.root, preset)
        records = load_records(evaluation_folder(home, preset))
        scores = _score_all(records, current(home.root, "sync_judge").path, preset)
        _write(folder, records, scores, preset.evaluation)
    _tell_models(home, pq.read_table(output).to_pylist(), folder.name)
    return output


def _score_all(records: list[dict], judge: Path, preset: Preset) -> list:
    """VideoScores of every record, in several processes: one a core, each with its own judges."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Scenes stay together: a worker remembers the faces of the target that its methods share.
    scenes: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        scenes.setdefault(record["target"], []).append(number)
    jobs = [([records[i] for i in numbers], str(judge), preset.face_tracks, preset.evaluation) for numbers in scenes.values()]
    scores: list = [None] * len(records)
    with (
        ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool,
        tqdm(total=len(records), desc="metrics", unit="video", disable=None) as bar,
    ):
        for numbers, done in zip(scenes.values(), pool.map(_score_scene, jobs), strict=True):
            for number, score in zip(numbers, done, strict=True):
                scores[number] = score
            bar.update(len(numbers))
    return scores


def _score_scene(job: tuple[list[dict], str, FacesConfig, EvaluationConfig]) -> list:
    records, judge, faces, config = job
    return [_score(record, _judges(judge, faces), config) for record in records]


def _score(record: dict, judges, config: EvaluationConfig):
    """VideoScores of one record. A video that the judges find no face in has no figures, and its frames are counted as excluded."""
    from swaptalk_models.data.video import probe
    from swaptalk_models.metrics.evaluate import METRICS, VideoScores, score_video

    paths = [Path(record[key]) for key in ("path", "target", "source", "audio", "gallery")]
    try:
        return score_video(*paths, judges, config, record["setting"])
    except BadClip:
        return VideoScores(0, {"no face in the video": probe(paths[0]).frames}, dict.fromkeys(METRICS), judges.names())


@lru_cache(maxsize=1)
def _judges(judge: str, faces: FacesConfig):
    """Once a worker."""
    import cv2
    import torch

    from swaptalk_models.metrics.judges import Judges
    from swaptalk_models.modules.sync_judge import load_sync_judge

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    return Judges.default(faces, load_sync_judge(Path(judge)))


def _write(folder: Path, records: list[dict], scores: list, config: EvaluationConfig) -> None:
    from swaptalk_models.metrics.summary import summarise, total_excluded

    groups: dict[tuple[str, str], list] = {}
    for record, score in zip(records, scores, strict=True):
        groups.setdefault((record["setting"], record["method"]), []).append(score)
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
        {"details": score.details, "similarity": score.similarity, "offset_curve": score.offset_curve, "judges": score.judges}
        for score in scores
    ]
    rows = [
        {key: Path(record[key]).name if key in ("path", "target", "source", "audio") else record[key] for key in record if key != "gallery"}
        | {"frames": score.frames, "excluded": sum(score.excluded.values())}
        | score.metrics
        | {name: score.details.get(name) for name in ("mouth_correlation", "target_similarity", "ssim_mouth")}
        for record, score in zip(records, scores, strict=True)
    ]
    with written_aside(folder / "summary.json") as aside:
        aside.write_text(json.dumps(summary, indent=1))
    with written_aside(folder / "scores.json") as aside:
        aside.write_text(json.dumps(details))
    names = {name: None for row in rows for name in row}
    columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
    columns = {name: column.cast(pa.float64()) if pa.types.is_null(column.type) else column for name, column in columns.items()}
    with written_aside(folder / "metrics.parquet") as aside:  # last: its presence says that all is there
        pq.write_table(pa.table(columns), aside)


def _tell_models(home: Home, rows: list[dict], source: str) -> None:
    """What the finished videos say of each model, into its folder: `swaptalk status` shows it."""
    ours = [row for row in rows if row["method"] == OURS]
    self_driven = [row for row in ours if row["setting"] == SELF]
    figures = {
        "face_swapper": {
            "id_retrieve": _mean(ours, "id_retrieve"),
            "source_similarity": _mean(ours, "id_similarity"),
            "target_similarity": _mean(ours, "target_similarity"),
        },
        "lip_sync": {
            "mouth_correlation": _mean(self_driven, "mouth_correlation"),
            # The median: one video in which the judge finds no peak would move a mean by many frames.
            "av_offset": _median(self_driven, "av_offset"),
        },
    }
    for name, values in figures.items():
        path = current(home.root, name).path / "evaluation.json"
        text = json.dumps({"metrics": values, "from": source}, indent=1)
        if not path.is_file() or path.read_text() != text:
            with written_aside(path) as aside:
                aside.write_text(text)


def _known(rows: list[dict], name: str) -> list[float]:
    return [row[name] for row in rows if row[name] is not None]


def _mean(rows: list[dict], name: str) -> float | None:
    return float(np.mean(_known(rows, name))) if _known(rows, name) else None


def _median(rows: list[dict], name: str) -> float | None:
    return float(np.median(_known(rows, name))) if _known(rows, name) else None
