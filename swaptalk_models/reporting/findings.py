"""What an evaluation found, for who reads one screen: a sentence or two, a small table, two scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.reporting.report_data import ReportData, ResultRow, RowKind
from swaptalk_models.settings.methods import CROSS, OURS_WITH_DETAIL, SELF

KEY_FIGURES = (
    "id_retrieve",
    "id_similarity",
    "mouth_correlation",
    "lse_c",
    "open_in_silence",
    "sharpness",
    "tiles",
    "consistency",
)
"""Whose face, whose voice, how it looks: the figures of the first screen, where they were measured."""
LEAD = 2  # scenes that play on the first screen


def findings(report: ReportData) -> list[str]:
    """Sentences that say what was found, the most important first; figures with their intervals."""
    said = []
    faces = [
        f"{_with_interval('id_retrieve', row)} % of {setting}-driven videos"
        for setting in (CROSS, SELF)
        if (row := _ours(report.rows, setting)) and _known(row, "id_retrieve")
    ]
    if faces:
        said.append(
            f"The finished face is found to be its source's, among all held-out people, in {' and '.join(faces)}."
        )
    spoken, truth = _ours(report.rows, SELF), _truth(report.rows, SELF)
    if spoken and _known(spoken, "mouth_correlation"):
        said.append(f"Mouths follow the voice with a correlation of {_with_interval('mouth_correlation', spoken)}.")
    elif spoken and truth and _known(spoken, "lse_c") and _known(truth, "lse_c"):
        said.append(
            f"Sync confidence is {_with_interval('lse_c', spoken)}; real videos have {_with_interval('lse_c', truth)}."
        )
    metrics = [(model.name, metric) for model in report.models for metric in model.metrics]
    missed = [f"{name} {metric.name}" for name, metric in metrics if metric.passed is False]
    asked = sum(metric.passed is not None for _, metric in metrics)
    if asked:
        short = f" Short of them: {', '.join(missed)}." if missed else ""
        said.append(f"{asked - len(missed)} of {asked} thresholds on held-out people are met.{short}")
    unknown = [BY_KEY[key].label for key in KEY_FIGURES if not any(_known(row, key) for row in report.rows)]
    if unknown and report.rows:
        said.append(f"Not measured: {', '.join(unknown)}.")
    return said


def key_figures(rows: Sequence[ResultRow]) -> dict[str, Any]:
    """{"columns": headings, "rows": [(metric, [interval or None a column])]}: ours in both settings, and what `generate` makes, beside real videos."""
    wanted = [
        (f"{row.method}, {setting}-driven", row)
        for setting in (CROSS, SELF)
        for row in (_ours(rows, setting), _with_detail(rows, setting))
        if row is not None
    ]
    truth = _truth(rows, SELF) or _truth(rows, CROSS)
    if truth is not None and wanted:
        wanted.append(("real videos", truth))
    shown = [key for key in KEY_FIGURES if any(_known(row, key) for _, row in wanted if row.kind == RowKind.OURS)]
    table = [
        (BY_KEY[key], [None if trivial(key, row.kind == RowKind.TRUTH) else row.cells.get(key) for _, row in wanted])
        for key in shown
    ]
    return {"columns": [name for name, _ in wanted], "rows": table}


def lead_cases(cases: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The best and the worst cross-driven scene; where there are none, of the others."""
    ranked = [case for case in cases if case["rank"]]
    of_cross = [case for case in ranked if case["setting"] == CROSS]
    return (of_cross or ranked or list(cases))[:LEAD]


def trivial(key: str, real: bool) -> bool:
    """Whether this figure of a real video would compare it with itself, or ask whether it is somebody else."""
    return real and (BY_KEY[key].against_target or key in ("id_retrieve", "id_similarity"))


def _known(row: ResultRow, key: str) -> bool:
    cell = row.cells.get(key)
    return cell is not None and cell.value is not None


def _ours(rows: Sequence[ResultRow], setting: str) -> ResultRow | None:
    return next((row for row in rows if row.setting == setting and row.kind == RowKind.OURS), None)


def _with_detail(rows: Sequence[ResultRow], setting: str) -> ResultRow | None:
    return next((row for row in rows if row.setting == setting and row.method == OURS_WITH_DETAIL), None)


def _truth(rows: Sequence[ResultRow], setting: str) -> ResultRow | None:
    return next((row for row in rows if row.setting == setting and row.kind == RowKind.TRUTH), None)


def _with_interval(key: str, row: ResultRow) -> str:
    cell: Interval = row.cells[key]
    column = BY_KEY[key]
    interval = f" ({column.write(cell.low)} to {column.write(cell.high)})" if cell.low is not None else ""
    return f"{column.write(cell.value)}{interval}"
