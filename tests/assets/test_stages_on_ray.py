"""The data stages of one Dagster run on Ray: they overlap, and each asset tells of its own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")

from swaptalk_models.data.stages.registry import DATA_STAGES
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.errors import UserError

from .conftest import Graph

RAY = {"compute": "ray", "ray.address": "local", "ray.object_store_mib": 200}
PEOPLE = ("phantom_001", "phantom_002", "phantom_003")


@pytest.fixture
def small(graph: Graph, tmp_path: Path) -> Iterator[Graph]:
    """Three videos of the home that is done, in a new one."""
    (tmp_path / "videos").mkdir()
    for name in PEOPLE:
        (tmp_path / "videos" / f"{name}.mp4").symlink_to(graph.videos / f"{name}.mp4")
    with dg.DagsterInstance.ephemeral() as instance:
        new = Graph(Home(tmp_path / "home").create(), tmp_path / "videos", instance)
        new.run("hdtf_catalog", tags={})
        yield new


def refuse(item, home, params):
    raise UserError("dlib's model is missing")


@pytest.mark.slow
def test_a_stage_that_fails_stops_those_that_read_it_and_the_next_run_makes_what_one_machine_makes(
    small: Graph, graph: Graph, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setitem(DATA_STAGES, "face_tracks", dataclasses.replace(DATA_STAGES["face_tracks"], work=refuse))
        small.run(*DATA_STAGES, overrides=RAY, must=False)
    assert small.result is not None and not small.result.success
    assert len(small.faults()) == 1 and re.search("UserError.* dlib's model is missing", small.faults()[0], re.DOTALL)
    assert [small.counts(name) for name in ("raw_videos", "clips", "mels")] == [[3, 0, 0]] * 3

    small.run(*DATA_STAGES, overrides=RAY)
    assert [small.counts(name) for name in DATA_STAGES] == [[0, 3, 0], [0, 3, 0], [3, 0, 0], [3, 0, 0], [0, 3, 0]]
    assert made(small) == made(graph)


def made(graph: Graph) -> dict[str, list]:
    with Ledger(graph.home.ledger) as ledger:
        return {
            name: [(e.clip, e.fingerprint, e.output, e.rows) for e in ledger.entries(name, PEOPLE).values()]
            for name in DATA_STAGES
        }
