"""assets/evaluation.py: memoised work is counted, and the page is looked at."""

import json

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets import evaluation
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.memoised import Memoised

CLAIMS = [
    {"text": text, "verdict": verdict} for text, verdict in (("A.", "agree"), ("B.", "undecided"), ("C.", "agree"))
]
PAGE = "<html><body>figures</body></html>"


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home").create()
    home.evaluation.mkdir()
    return home


@pytest.fixture
def work(monkeypatch, home):
    """The evaluation's functions, replaced: {name: function(home, preset)}."""

    def once(name, content) -> Memoised:
        path = home.evaluation / name
        cached = path.is_file()
        if not cached:
            path.write_text(content) if isinstance(content, str) else pq.write_table(content, path)
        return Memoised(path, cached)

    def videos(home, preset) -> Memoised:
        path, cached = once("a.mp4", "video")
        return Memoised([{"path": str(path), "setting": "self"}], cached)

    table = pa.table({"method": ["ours", "ours", "truth"], "setting": ["self"] * 3, "psnr": [20.0, 30.0, 40.0]})
    found = {
        "make_test_videos": videos,
        "measure_test_videos": lambda home, preset: once("metrics.parquet", table),
        "write_evaluation_report": lambda home, preset: once("report_1.html", PAGE),
    }
    found |= {"compare_with_release": lambda home, preset: None, "best_and_worst": lambda home, preset: {}}
    (home.evaluation / "claims_1.json").write_text(json.dumps(CLAIMS))
    monkeypatch.setattr(
        "swaptalk_models.reporting.sheet.method_sheet", lambda videos, setting: np.zeros((8, 8, 3), np.uint8)
    )
    cell = {"value": 0.5, "low": 0.4, "high": 0.6, "videos": 4}
    rows = [{"method": "SwapTalk", "setting": "self", "cells": {"id_similarity": cell}}]
    (home.evaluation / "summary.json").write_text(json.dumps(rows))
    monkeypatch.setattr(
        "swaptalk_models.evaluation.measure.scene_metrics.metrics_folder", lambda home, preset: home.evaluation
    )
    places = {
        "make_test_videos": "evaluation.measure.make_videos",
        "measure_test_videos": "evaluation.measure.scene_metrics",
        "write_evaluation_report": "reporting.report",
        "compare_with_release": "evaluation.compare.release",
        "best_and_worst": "reporting.strips",
    }
    for name, module in places.items():
        monkeypatch.setattr(f"swaptalk_models.{module}.{name}", lambda *given, name=name: found[name](*given))
    return found


def materialize(home, *names):
    assets = [getattr(evaluation, name) for name in names]
    return dg.materialize(
        [*assets, evaluation.evaluation_report_page, evaluation.metrics_against_release],
        resources={"swaptalk": SwapTalk(home=str(home.root))},
        raise_on_error=False,
    )


def event(result, name):
    return result.asset_materializations_for_node(name)[0]


def test_second_time_all_is_cached(home, work):
    names = ("test_videos", "metrics", "evaluation_report")
    first, second = materialize(home, *names), materialize(home, *names)
    assert first.success and second.success
    assert [event(first, name).metadata["status"].value for name in names] == ["computed"] * 3
    assert [event(second, name).metadata["status"].value for name in names] == ["cached"] * 3
    assert [event(first, name).tags for name in names] == [event(second, name).tags for name in names]
    with Ledger(home.ledger) as ledger:
        assert {name: (r.computed, r.cached) for name, r in ledger.last_run().items()} == dict.fromkeys(names, (0, 1))


def test_metrics_are_floats_by_method(home, work):
    found = event(materialize(home, "metrics"), "metrics").metadata
    assert (found["ours self psnr"].value, found["truth self psnr"].value) == (25.0, 40.0)
    assert found["dagster/row_count"].value == 3


def comparison(verdict: str) -> dict:
    gain = {"value": -0.2, "low": -0.3, "high": -0.1, "videos": 8}
    cell = {
        "setting": "self",
        "metric": "id_similarity",
        "released": 0.7,
        "new": 0.5,
        "gain": gain,
        "verdict": verdict,
        "why": None,
    }
    return {"released": "r1", "paired": True, "why": None, "cells": [cell]}


def test_new_models_beside_the_released_ones(home, work):
    work["compare_with_release"] = lambda home, preset: comparison("same")
    result = materialize(home, "metrics")
    found = event(result, "metrics").metadata
    assert found["gain over release, self id_similarity"].value == -0.2 and found["worse than release"].value == 0
    assert found["against the release"].records[0].data["interval"] == "-0.3 to -0.1"
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_worse_than_the_release_warns_and_the_report_is_still_made(home, work):
    work["compare_with_release"] = lambda home, preset: comparison("worse")
    result = materialize(home, "metrics", "evaluation_report")
    (check,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "metrics_against_release"]
    assert result.success and not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    assert "id_similarity (self-driven) was 0.7 and is 0.5" in check.description


def test_key_pictures_are_inline(home, work):
    work["best_and_worst"] = lambda home, preset: {"best identity (0.80)": np.zeros((8, 8, 3), np.uint8)}
    found = event(materialize(home, "evaluation_report"), "evaluation_report").metadata
    assert "data:image/jpeg;base64" in found["best identity (0.80)"].value
    assert found["page (while swaptalk dev runs)"].value == "http://127.0.0.1:3001/report_1.html"


def test_our_figures_stand_on_the_page_with_their_intervals(home, work):
    table = event(materialize(home, "evaluation_report"), "evaluation_report").metadata["figures"]
    (record,) = table.records
    assert record.data == {"metric": "ID sim. ↑", "SwapTalk, self-driven": "0.500 [0.400, 0.600]"}


def test_key_pictures_and_verdicts_are_inline(home, work):
    result = materialize(home, "test_videos", "evaluation_report")
    videos, report = (event(result, name).metadata for name in ("test_videos", "evaluation_report"))
    assert videos["self_driven"].value.startswith("![self-driven](data:image/jpeg") and "cross_driven" not in videos
    assert (report["claims: agree"].value, report["claims: undecided"].value) == (2.0, 1.0)
    assert {"the paper's claim": "B.", "ours": "undecided"} in [row.data for row in report["claims"].records]


def test_report_is_in_the_homes_state(home, work):
    materialize(home, "evaluation_report")
    assert home.state().report == str(home.evaluation / "report_1.html")


@pytest.mark.parametrize("page", ["<html><body>cut o", '<html><script src="https://elsewhere/x.js"></script></html>'])
def test_page_that_is_cut_off_or_fetches_is_refused(home, work, page):
    (home.evaluation / "report_1.html").write_text(page)
    result = materialize(home, "evaluation_report")
    assert not result.success
    assert not result.get_asset_check_evaluations()[0].passed


def test_data_version_does_not_depend_on_where_the_home_is(tmp_path, work, monkeypatch):
    versions = set()
    for name in ("one", "two"):
        home = Home(tmp_path / name).create()
        home.evaluation.mkdir()
        work["make_test_videos"] = lambda home, preset: Memoised(
            [{"path": f"{home.root}/evaluation/a.mp4", "setting": "self"}], cached=False
        )
        versions.add(event(materialize(home, "test_videos"), "test_videos").tags["dagster/data_version"])
    assert len(versions) == 1
