"""A folder of videos, measured: a row a video and a row a figure with its interval, as CSV, Parquet and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.evaluation.measure.video_files import VideoFiles
from swaptalk_models.metrics.agreement import agreements
from swaptalk_models.metrics.table import BY_KEY, FURTHER
from swaptalk_models.settings.evaluation import EvaluationConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from swaptalk_models.metrics.evaluate import VideoScores

_WHOLE, _TABLES = "evaluation.json", ("summary", "videos")
FILES = (_WHOLE, *(f"{table}.{suffix}" for table in _TABLES for suffix in ("csv", "parquet")))
_COUNTS = (
    "sampled_identity_frames",
    "sampled_neighbours",
    "sampled_cpbd_frames",
    "feature_frames",
    "sync_windows",
    "gallery_size",
)


def evaluation_table(
    videos: Sequence[tuple[str, VideoFiles]], scores: Sequence[VideoScores], config: EvaluationConfig
) -> dict[str, Any]:
    """JSON-ready: the contract's keys over all videos (`metrics` holds means), `rows` (one a method and setting, each of its `cells` a value
    with its interval), `videos` (one a video), `agreements` (between two judges of one figure), and `config`.
    """
    groups: dict[tuple[str, str | None], list[int]] = {}
    methods = [method for method, _ in videos]
    for number in sorted(range(len(videos)), key=lambda number: "not measured" in scores[number].details):
        method, setting = methods[number], scores[number].details.get("setting")
        if (
            "not measured" in scores[number].details
        ):  # counted with the others of its method: its setting was not found out
            setting = next((known for other, known in groups if other == method), None)
        groups.setdefault((method, setting), []).append(number)
    rows = [
        {"method": method, "setting": setting} | _row([scores[number] for number in numbers], config)
        for (method, setting), numbers in sorted(groups.items(), key=lambda group: (group[0][0], group[0][1] or ""))
    ]
    whole = _row(scores, config)
    measured = [_video(method, files, score) for (method, files), score in zip(videos, scores, strict=True)]
    return {
        "frames": whole["frames"],
        "excluded": whole["excluded"],
        "metrics": {name: whole["cells"][name]["value"] for name in scores[0].metrics},
        "judges": scores[0].judges,
        "rows": rows,
        "videos": measured,
        "agreements": [asdict(found) | {"sentence": found.sentence} for found in agreements(measured, config)],
        "config": asdict(config),
    }


def _row(scores: Sequence[VideoScores], config: EvaluationConfig) -> dict[str, Any]:
    from swaptalk_models.metrics.summary import summarise, total_excluded

    return {
        "videos": len(scores),
        "frames": sum(score.frames for score in scores),
        "excluded": total_excluded(scores),
        "cells": {name: asdict(interval) for name, interval in summarise(scores, config).items()},
    }


def _video(method: str, files: VideoFiles, score: VideoScores) -> dict[str, Any]:
    names = {
        key: _text(path.name) if path else None
        for key, path in vars(files).items()
        if key not in ("gallery", "setting", "further")
    }
    details = {name: score.details.get(name) for name in ("setting", *FURTHER, *_COUNTS)}
    return (
        {"method": method, "video": names.pop("generated")}
        | names
        | {
            "frames": score.frames,
            "excluded": sum(score.excluded.values()),
            "not_measured": _text(reason) if (reason := score.details.get("not measured")) else None,
        }
        | score.metrics
        | details
    )


def _text(name: str) -> str:
    """A name that a table can hold: bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def write_tables(table: dict[str, Any], folder: Path) -> None:
    """Write `FILES` into the folder, each whole or not at all."""
    import pyarrow.parquet as pq
    from pyarrow import csv

    for name, rows in zip(_TABLES, (_typed(_long(table)), _typed(table["videos"])), strict=True):
        with atomic_write(folder / f"{name}.csv") as aside:
            csv.write_csv(rows, aside)
        with atomic_write(folder / f"{name}.parquet") as aside:
            pq.write_table(rows, aside)
    with atomic_write(folder / _WHOLE) as aside:
        aside.write_text(json.dumps(table, indent=1, allow_nan=False))


def _long(table: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a method, setting and metric."""
    rows = []
    for row in table["rows"]:
        for name, cell in row["cells"].items():
            metric = BY_KEY[name]
            rows.append(
                {"method": row["method"], "setting": row["setting"], "metric": name}
                | {key: cell[key] for key in ("value", "low", "high", "videos")}
                | {"unit": metric.unit, "better": metric.better, "judge": table["judges"].get(metric.judge)}
            )
    return rows


def _typed(rows: list[dict[str, Any]]) -> pa.Table:
    """An Arrow table; a column without any value is one of numbers, but for those of words."""
    import pyarrow as pa

    words = {"setting", "target", "source", "audio", "not_measured", "judge"}
    columns = {name: pa.array([row[name] for row in rows]) for name in rows[0]}
    empty = {
        name: pa.string() if name in words else pa.float64()
        for name, column in columns.items()
        if pa.types.is_null(column.type)
    }
    return pa.table({name: column.cast(empty[name]) if name in empty else column for name, column in columns.items()})
