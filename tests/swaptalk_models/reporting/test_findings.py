"""reporting/findings.py: what is read first."""

import pytest

from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.reporting.findings import findings, key_figures, lead_cases
from swaptalk_models.reporting.report_data import ModelMetric, ModelSection, ReportData, ResultRow, RowKind


def row(method: str, setting: str, kind: RowKind, **values: float) -> ResultRow:
    cells = {key: Interval(value, 0.9 * value, 1.1 * value, 4) for key, value in values.items()}
    return ResultRow(method, setting, cells, kind, 4)


@pytest.fixture
def report() -> ReportData:
    return ReportData(
        title="t",
        created="c",
        preset="tiny",
        rows=[
            row("Ours", "self", RowKind.OURS, id_retrieve=80.0, mouth_correlation=0.5, sharpness=0.6),
            row("Ours", "cross", RowKind.OURS, id_retrieve=90.0, lse_c=0.4),
            row("Real", "self", RowKind.TRUTH, id_retrieve=0.0, lse_c=0.6, sharpness=1.0, mouth_correlation=1.0),
        ],
        models=[
            ModelSection("vqgan", "v1", [ModelMetric("psnr_db", 21.0, 24.0), ModelMetric("upper_use", 0.9, 0.25)]),
        ],
    )


def test_whose_face_whose_voice_and_what_falls_short(report):
    face, voice, thresholds, unknown = findings(report)
    assert "90.0 (81.0 to 99.0) % of cross-driven" in face and "80.0 (72.0 to 88.0) % of self-driven" in face
    assert "0.500 (0.450 to 0.550)" in voice
    assert thresholds == "1 of 2 thresholds on held-out people are met. Short of them: vqgan psnr_db."
    assert unknown.startswith("Not measured: ") and "ID sim." in unknown and "LSE-C" not in unknown


def test_nothing_measured_says_nothing_and_breaks_nothing():
    empty = ReportData(title="t", created="c", preset="tiny")
    assert findings(empty) == [] and key_figures(empty.rows)["rows"] == [] and lead_cases([]) == []


def test_ours_stands_beside_real_videos_which_are_not_compared_with_themselves(report):
    table = key_figures(report.rows)
    assert table["columns"] == ["Ours, cross-driven", "Ours, self-driven", "real videos"]
    rows = {column.key: cells for column, cells in table["rows"]}
    assert rows["id_retrieve"][2] is None  # nobody wears another's face there
    assert rows["lse_c"][1] is None and rows["lse_c"][2].value == 0.6
    assert "consistency" not in rows


def test_what_generate_makes_stands_beside_the_papers_method(report):
    detailed = row("SwapTalk + detail", "cross", RowKind.BASELINE, id_retrieve=95.0, sharpness=0.9)
    table = key_figures([*report.rows, detailed])
    assert table["columns"][:3] == ["Ours, cross-driven", "SwapTalk + detail, cross-driven", "Ours, self-driven"]
    assert {column.key: cells[1] and cells[1].value for column, cells in table["rows"]}["id_retrieve"] == 95.0


def test_the_best_and_the_worst_scene_lead():
    cases = [{"setting": setting, "rank": rank} for setting in ("self", "cross") for rank in ("best", "worst", "")]
    assert lead_cases(cases) == cases[3:5]
    assert lead_cases(cases[:3]) == cases[:2]
    unranked = [dict(case, rank="") for case in cases[:1]]
    assert lead_cases(unranked) == unranked
