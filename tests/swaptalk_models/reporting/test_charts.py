"""Inline charts."""

import re
from xml.etree import ElementTree

import pytest

from swaptalk_models.reporting.charts import MOST_POINTS, line_chart


def test_axes_are_labelled_and_names_escaped():
    chart = line_chart({"a<b": [(0, 1), (10, 3)], "c": [(0, 2)]}, "step", "loss & more")
    root = ElementTree.fromstring(chart)
    texts = [element.text for element in root.iter("text")]
    assert "step" in texts and "loss & more" in texts and "a<b" in texts
    assert {"1.0", "2.0", "3.0"} <= set(texts)


def test_curve_runs_from_corner_to_corner():
    chart = line_chart({"a": [(0, 0), (100, 1)]}, "x", "y")
    (path,) = [p.get("d") for p in ElementTree.fromstring(chart).iter("path") if p.get("class") == "s0"]
    assert path == "M50.0,164.0 L330.0,12.0"


def test_long_histories_are_thinned_and_smoothed():
    chart = line_chart({"a": [(i, i % 2) for i in range(5000)]}, "x", "y", smooth=True)
    raw, smooth = re.findall(r'class="s0(?: raw)?" d="([^"]+)"', chart)
    assert raw.count("L") == smooth.count("L") == MOST_POINTS - 1


@pytest.mark.parametrize("points", [[], [(0, float("nan"))]])
def test_nothing_to_draw(points):
    assert line_chart({"a": points}, "x", "y") == ""


@pytest.mark.parametrize(
    "points", [[(3, 5)], [(0, 0), (1, 0)], [(0, 1e-7), (1, 2e-7)], [(0, 123456.0), (1, 654321.0)], [(0, -2), (9, 1e9)]]
)
def test_odd_ranges(points):
    assert "nan" not in line_chart({"a": points}, "x", "y") and "inf" not in line_chart({"a": points}, "x", "y")
