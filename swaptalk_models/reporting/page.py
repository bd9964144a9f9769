"""The evaluation report: one HTML page that holds everything it shows and opens without a network."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.paper import PAPER_ROWS
from swaptalk_models.evaluation.compare.verdicts import LEAST_VIDEOS, needed_in_words
from swaptalk_models.metrics.table import AGAINST_TARGET, BY_KEY, COLUMNS, Metric, shown_columns
from swaptalk_models.reporting.cases import TARGET_NAME
from swaptalk_models.reporting.charts import line_chart
from swaptalk_models.reporting.findings import KEY_FIGURES, findings, key_figures, lead_cases, trivial
from swaptalk_models.reporting.lineage import lineage_svg
from swaptalk_models.reporting.report_data import (
    ModelMetric,
    ModelSection,
    Picture,
    ReportData,
    ResultRow,
    RowKind,
    VideoCase,
)
from swaptalk_models.settings.methods import CROSS, SELF

_HERE = Path(__file__).parent
_SETTINGS = {
    SELF: ("Self-driven", "The sound is the target video's own, so its lips are the truth."),
    CROSS: ("Cross-driven", "The sound comes from another video: no truth for the lips, hence no LMD."),
}
_JUDGES = {"identity": "Identity", "sync": "Lip sync", "fid": "Fréchet distance", "landmarks": "Landmarks"}
_FURTHER_JUDGES = {
    "lipreader": "Lipreading",
    "second_identity": "Identity, second judge",
    "second_landmarks": "Landmarks, second judge",
}


def write_report(output: str | os.PathLike[str], report: ReportData, confidence: str = "95 %") -> Path:
    """Writes the page to `output`, whole or not at all, and returns its path.

    ValueError: a setting without a row of the ground truth, or a lineage with a cycle. UserError: a video of a case is
    missing.
    """
    output = Path(output)
    for setting in {row.setting for row in report.rows}:
        if not any(row.kind == RowKind.TRUTH for row in report.rows if row.setting == setting):
            raise ValueError(f"the results for setting {setting!r} have no ground-truth row")
    tables = [
        _table(setting, report.rows) for setting in _SETTINGS if any(row.setting == setting for row in report.rows)
    ]
    known = {key for row in report.rows for key, cell in row.cells.items() if cell.value is not None}
    cases = [_case(case) for case in report.cases]
    lead = lead_cases(cases)
    # Untrusted names (files, people) go through autoescape; only our own style sheet, script and SVG are Markup.
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html.jinja").render(
        r=report,
        css=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        js=Markup((_HERE / "report.js").read_text(encoding="utf-8")),
        sections=_sections(report),
        findings=findings(report),
        key=key_figures(report.rows),
        judged=sum(row.videos for row in report.rows if row.kind == RowKind.OURS),
        lead=lead,
        others=[case for case in cases if case not in lead],
        tables=tables,
        columns=shown_columns(known, report.judges.get("fid")),
        paper_columns=[column for column in COLUMNS if column.key in PAPER_ROWS[0][2]],
        against_target=AGAINST_TARGET,
        loop_index=lambda row, table: table["rows"].index(row),
        models=[_model(model) for model in report.models],
        pictures=[_picture(picture) for picture in report.pictures],
        lineage=lineage_svg(report.lineage),
        groups=list(dict.fromkeys(node.group for node in report.lineage)),
        judges=[(label, report.judges.get(key) or "none available") for key, label in _JUDGES.items()]
        + [(label, report.judges[key]) for key, label in _FURTHER_JUDGES.items() if report.judges.get(key)],
        group_columns=[BY_KEY[key] for key in dict.fromkeys(key for group in report.groups for key in group.cells)],
        confidence=confidence,
        number=_number,
        by_key=BY_KEY,
        difference=_difference,
        least_videos=LEAST_VIDEOS,
        needed=needed_in_words,
        shortfall=_shortfall,
    )
    with atomic_write(output) as aside:
        aside.write_text(page, encoding="utf-8")
    return output


def _sections(report: ReportData) -> list[tuple[str, str]]:
    parts = [
        ("videos", "Videos", report.cases),
        ("results", "Results", report.rows),
        ("claims", "Claims", report.claims),
        ("groups", "Groups", report.groups),
        ("releases", "Releases", report.comparison),
        ("models", "Models", report.models),
        ("pictures", "Pictures", report.pictures),
        ("left-out", "Left out", report.exclusions),
        ("lineage", "Lineage", report.lineage),
        ("provenance", "Provenance", report.provenance or report.packages or report.costs or report.judges),
    ]
    return [(anchor, name) for anchor, name, content in parts if content]


def _table(setting: str, rows: Sequence[ResultRow]) -> dict[str, Any]:
    """One setting's rows, the truth first and then ours, and the number of the row with the best value of each column."""
    title, text = _SETTINGS[setting]
    first = (RowKind.TRUTH, RowKind.OURS, RowKind.VARIANT)
    of_setting = [row for row in rows if row.setting == setting]
    shown = sorted(of_setting, key=lambda row: first.index(row.kind) if row.kind in first else len(first))
    best = {}
    for column in COLUMNS:
        values = {
            index: row.cells[column.key].value
            for index, row in enumerate(shown)
            if row.kind != RowKind.TRUTH and column.key in row.cells
        }
        ranks = {index: column.rank(value) for index, value in values.items() if value is not None}
        if len(ranks) > 1:
            best[column.key] = min(ranks, key=ranks.__getitem__)
    paper = [(method, values) for where, method, values in PAPER_ROWS if where == setting]
    others = any(row.kind == RowKind.VARIANT for row in shown)
    return {"title": title, "text": text, "rows": shown, "best": best, "paper": paper, "others": others}


def _case(case: VideoCase) -> dict[str, Any]:
    clips = []
    for clip in case.clips:
        real = clip.name == TARGET_NAME
        values = [
            (BY_KEY[key], BY_KEY[key].write(value))
            for key, value in clip.metrics.items()
            # One video has no distance between distributions, and the target none to itself.
            if value is not None and key in BY_KEY and BY_KEY[key].shown and key != "fid" and not trivial(key, real)
        ]
        key = [item for item in values if item[0].key in KEY_FIGURES]
        rest = [item for item in values if item not in key]
        clips.append({"name": clip.name, "uri": _video_uri(clip.path), "figures": key, "more": rest})
    charts = [
        (
            "Identity: similarity to the source",
            line_chart({c.name: c.similarity for c in case.clips}, "time (s)", "cosine"),
        ),
        ("Lip sync: distance at each offset", _offset_chart(case)),
    ]
    return {
        "label": case.label, "setting": case.setting, "note": case.note, "rank": case.rank, "clips": clips,
        "charts": [(title, chart) for title, chart in charts if chart],
        "heard": min(1, len(clips) - 1),  # what was made from the target, not the target itself
        "source": _png_uri(case.source) if case.source is not None else None,
    }  # fmt: skip


def _offset_chart(case: VideoCase) -> Markup:
    least = [min(clip.offset_curve, key=lambda point: point[1]) for clip in case.clips if clip.offset_curve]
    curves = {clip.name: clip.offset_curve for clip in case.clips}
    return line_chart(curves, "offset (frames; above 0: sound early)", "distance", marks=least)


def _model(model: ModelSection) -> dict[str, Any]:
    keys = dict.fromkeys(key for row in model.history for key in row if key not in ("step", "time", "epoch"))
    charts = []
    for key in keys:
        points = [
            (row["step"], row[key]) for row in model.history if isinstance(row.get(key), (int, float)) and "step" in row
        ]
        if points:
            charts.append((key, line_chart({key: points}, "step", key.rsplit("/", 1)[-1][:24], smooth=True)))
    return {
        "name": model.name, "version": model.version, "metrics": model.metrics, "facts": model.facts,
        "charts": [(title, chart) for title, chart in charts if chart],
        "pictures": [_picture(picture) for picture in model.pictures],
    }  # fmt: skip


def _picture(picture: Picture) -> dict[str, Any]:
    height, width = picture.image.shape[:2]
    return {"uri": _png_uri(picture.image), "caption": picture.caption, "width": width, "height": height}


def _png_uri(image: np.ndarray) -> str:
    assert image.dtype == np.uint8 and image.ndim == 3
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _video_uri(path: Path) -> str:
    try:
        return "data:video/mp4;base64," + base64.b64encode(Path(path).read_bytes()).decode("ascii")
    except OSError as error:
        raise UserError(f"{path}: cannot be put into the report ({error.strerror})") from error


def _number(value: float | None) -> str:
    """About three significant digits, without exponents."""
    if value is None:
        return "–"
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}".replace("-", "−").replace(",", "\u202f")


def _difference(column: Metric, value: float | None) -> str:
    """A difference of two figures, with its sign."""
    return column.write(value) if value is None or value < 0 else "+" + column.write(value)


def _shortfall(metric: ModelMetric) -> float:
    """By how much a figure misses its threshold."""
    assert metric.threshold is not None and metric.value is not None
    return metric.threshold - metric.value if metric.at_least else abs(metric.value) - metric.threshold
