"""The page of releases: what each could do, with intervals, what it was made from, which is in use, and what was refused and why."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import CHOSEN, REFUSED, ReleaseEvent
from swaptalk_models.evaluation.compare.release_history import HistoryRow, history
from swaptalk_models.evaluation.files import RELEASES_PAGE
from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.metrics.table import BY_KEY, Metric
from swaptalk_models.reporting.charts import line_chart
from swaptalk_models.reporting.findings import KEY_FIGURES
from swaptalk_models.settings.methods import CROSS, SELF

_HERE = Path(__file__).parent
_DAY = 86400.0
_NAMES_SHOWN = 12


def write_releases_page(home: Home) -> Path:
    """Write HOME/evaluation/releases.html, whole or not at all. Gives its path.

    Raises:
        UserError: the log of releases, or a release, is damaged.
    """
    rows = history(home)
    columns = shown_figures(rows)
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("releases.html.jinja").render(
        css=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        js=Markup((_HERE / "report.js").read_text(encoding="utf-8")),
        made=time.strftime("%Y-%m-%d %H:%M"),
        rows=[_row(row, columns) for row in rows],
        columns=[(BY_KEY[metric], setting) for setting, metric in columns],
        used=next((row.event.version for row in rows if row.in_use), None),
        charts=_charts(rows, columns),
    )
    output = home.evaluation / RELEASES_PAGE
    with atomic_write(output) as aside:
        aside.write_text(page, encoding="utf-8")
    return output


def shown_figures(rows: Sequence[HistoryRow]) -> list[tuple[str, str]]:
    """(setting, metric) of the key figures that any release has, whose face first."""
    known = {(figure["setting"], figure["metric"]) for row in rows for figure in row.event.figures}
    return [(setting, metric) for setting in (CROSS, SELF) for metric in KEY_FIGURES if (setting, metric) in known]


def cell(event: ReleaseEvent, setting: str, metric: str) -> Interval | None:
    """A figure of a release."""
    for figure in event.figures:
        if (figure["setting"], figure["metric"]) == (setting, metric):
            return Interval(figure["value"], figure["low"], figure["high"], figure["videos"])
    return None


def what_happened(row: HistoryRow) -> str:
    """In two or three words."""
    if row.event.kind == REFUSED:
        return "refused"
    if row.event.kind == CHOSEN:
        return "chosen by hand"
    return "released" if row.there else "released, removed since"


def data_text(data: Mapping[str, Any]) -> str:
    """What it was trained on, and what is new in it, in a sentence."""
    if not data:
        return ""
    said = f"{data['people']} people, {data['videos']} videos, {data['frames'] / 25 / 60:.1f} min"
    parts = [f"{len(data[key])} {key}" for key in ("came", "left", "changed") if data.get(key)]
    if "came" in data:
        said += f": {', '.join(parts) or 'the same as before'}"
    return said


def when(event: ReleaseEvent) -> str:
    """Local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(event.at))


def _row(row: HistoryRow, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    event = row.event
    return {
        "when": when(event),
        "version": event.version,
        "what": what_happened(row),
        "tag": "worse" if event.kind == REFUSED else "soft",
        "in_use": row.in_use,
        "cells": [(BY_KEY[metric], cell(event, setting, metric)) for setting, metric in columns],
        "data": data_text(event.data),
        "names": {key: _names(event.data.get(key, [])) for key in ("came", "left", "changed") if event.data.get(key)},
        "changed": ", ".join(row.changed),
        "reason": event.reason,
        "snapshot": event.snapshot,
        "models": dict(event.models),
    }


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _charts(rows: Sequence[HistoryRow], columns: Sequence[tuple[str, str]]) -> list[tuple[str, Markup]]:
    """Each key figure over time: of the releases, between the ends of their intervals, and of what was refused."""
    measured = [row for row in reversed(rows) if row.event.figures]
    if len(measured) < 2:
        return []
    first = measured[0].event.at
    charts = []
    for setting, metric in columns:
        series: dict[str, list[tuple[float, float]]] = {"released": [], "low": [], "high": [], "refused": []}
        for row in measured:
            found, day = cell(row.event, setting, metric), (row.event.at - first) / _DAY
            if found is None or found.value is None:
                continue
            if row.event.kind == REFUSED:
                series["refused"].append((day, found.value))
            else:
                series["released"].append((day, found.value))
                series["low"] += [(day, found.low)] if found.low is not None else []
                series["high"] += [(day, found.high)] if found.high is not None else []
        charts.append((_title(BY_KEY[metric], setting), line_chart(series, "days", BY_KEY[metric].label)))
    return [(title, chart) for title, chart in charts if chart]


def _title(metric: Metric, setting: str) -> str:
    return f"{metric.label} {metric.arrow}, {setting}-driven"
