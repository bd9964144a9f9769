"""The drawn lineage."""

from xml.etree import ElementTree

import pytest

from swaptalk_models.reporting.lineage import BOX_HEIGHT, BOX_WIDTH, lineage_svg
from swaptalk_models.reporting.report_data import LineageNode


def boxes(svg: str) -> dict[str, tuple[float, float]]:
    groups = ElementTree.fromstring(svg).iter("g")
    return {g.find("text").text: (float(g.find("rect").get("x")), float(g.find("rect").get("y"))) for g in groups}


def test_assets_stand_below_what_they_are_made_from_and_never_overlap():
    nodes = [
        LineageNode("release", "d", ("model", "metrics")),
        LineageNode("metrics", "c", ("model", "clips", "not an asset")),
        LineageNode("model", "b", ("crops", "mels")),
        LineageNode("crops", "a", ("clips",)),
        LineageNode("mels", "a", ("clips",), "12 <rows>"),
        LineageNode("clips", "a"),
    ]
    place = boxes(lineage_svg(nodes))
    assert len(place) == 6
    for node in nodes:
        assert all(place[up][1] < place[node.name][1] for up in node.upstream if up in place)
    corners = list(place.values())
    for i, (x, y) in enumerate(corners):
        assert all(abs(x - other) >= BOX_WIDTH or abs(y - below) >= BOX_HEIGHT for other, below in corners[:i])


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        lineage_svg([LineageNode("a", "g", ("b",)), LineageNode("b", "g", ("a",))])


def test_no_assets_no_picture():
    assert lineage_svg([]) == ""
