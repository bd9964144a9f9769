"""The data half of the graph, through Dagster."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.support.partitions import RANGE_END, RANGE_START, all_partitions, sync_partitions
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.ledger import Ledger

PARTITIONED = ["raw_videos", "clips", "face_tracks", "face_crops", "mels"]
VIDEOS = {f"phantom_{i:03d}" for i in range(6)} | {"spoilt", "silent"}
FRAMES = 30  # of each


def told(event: dg.AssetMaterialization, *names: str) -> tuple:
    return tuple(event.metadata[name].value for name in names)


def counts(events: dict[str, dg.AssetMaterialization]) -> tuple[float, float, float]:
    return told(next(iter(events.values())), "computed", "cached", "quarantined")


def test_one_run_covers_partitioned_and_unpartitioned_assets(first):
    assert set(first) == {"hdtf_catalog", *PARTITIONED, "training_snapshot"}
    for name in PARTITIONED:
        assert set(first[name]) == VIDEOS | {"notes_about"}
    assert counts(first["raw_videos"]) == (8, 0, 1)
    for name in PARTITIONED[1:]:
        assert counts(first[name]) == (8, 0, 0)


def test_every_structural_check_passes(graph, first):
    graph.run(*PARTITIONED, "training_snapshot")
    structural = [found for found in graph.checks() if found.blocking]
    assert {found.check_name for found in structural} == {
        "face_tracks_rows",
        "face_crops_rows",
        "mels_rows",
        "training_snapshot_split",
    }
    assert all(found.passed for found in structural)
    assert [found.passed for found in graph.checks() if found.check_name == "face_tracks_quality"] == [True]


def test_metadata_hold_rows_schema_pictures_and_reasons(first):
    crops = first["face_crops"]["phantom_000"].metadata
    assert crops["dagster/row_count"].value == len(VIDEOS) * FRAMES
    columns = {column.name for column in crops["dagster/column_schema"].value.columns}
    assert columns == set(DATA_STAGES["face_crops"].schema.names)
    assert "affine" in crops["dagster/column_lineage"].value.deps_by_column
    for name, picture in (("face_crops", "contact sheet"), ("mels", "sound"), ("face_tracks", "confidence")):
        text = first[name]["phantom_000"].metadata[picture].value
        assert text.startswith("![") and "base64," in text and len(text) < 30_000


def test_what_is_a_videos_own_is_told_of_it_alone(first):
    raw = {video: event.metadata.get("why quarantined") for video, event in first["raw_videos"].items()}
    assert "not a video" in raw.pop("notes_about").value and set(raw.values()) == {None}
    crops = {video: told(event, "clips", "rows") for video, event in first["face_crops"].items()}
    assert crops.pop("notes_about") == (0, 0)
    assert set(crops.values()) == {(1, FRAMES)}


def test_tables_hold_what_the_contract_says(graph, first):
    for name in CLIP_TABLES:
        assert tables.open_table(graph.home, name).schema.equals(DATA_STAGES[name].schema)
    mel = tables.read_clip(graph.home, "mels", "phantom_000_000")
    assert mel["steps"].to_pylist() == [96] and len(mel["mel"][0].as_py()) == 96 * 80 * 4
    crop = tables.read_clip(graph.home, "face_crops", "phantom_001_000")
    assert crop["frame"].to_pylist() == list(range(FRAMES)) and len(crop["labels"][0].as_py()) == 32 * 32
    assert len(load_snapshot(graph.home).clips()) == 7  # all but the spoilt one


def test_second_run_computes_nothing(graph, first):
    again = graph.run(*PARTITIONED, "training_snapshot")
    for name in PARTITIONED:
        assert counts(again[name])[0] == 0
    (snapshot,) = again["training_snapshot"].values()
    assert told(snapshot, "version") == told(first["training_snapshot"][""], "version")


def test_single_assets_run_for_one_partition_or_a_range(graph, first):
    one = graph.run("face_crops", partition_key="phantom_002")["face_crops"]
    assert set(one) == {"phantom_002"} and counts(one) == (0, 1, 0)
    keys = graph.instance.get_dynamic_partitions("videos")
    some = graph.run("mels", tags={RANGE_START: keys[1], RANGE_END: keys[2]})["mels"]
    assert set(some) == set(keys[1:3]) and sum(counts(some)[1:]) <= 2


def test_status_counts_are_those_of_the_last_run(graph, first):
    graph.run("mels", partition_key="phantom_000")
    with Ledger(graph.home.ledger) as ledger:
        assert {name: report.cached for name, report in ledger.last_run().items()} == {"mels": 1}


def test_partitions_follow_the_catalog():
    with dg.DagsterInstance.ephemeral() as instance:
        assert all_partitions(instance) == {}
        assert sync_partitions(instance, ["a", "b"]) == (["a", "b"], [])
        assert sync_partitions(instance, ["b", "c"]) == (["c"], ["a"])
        assert sorted(instance.get_dynamic_partitions("videos")) == ["b", "c"]


@pytest.mark.parametrize(
    "modules", ["audio, catalog, clips, faces, snapshot", "latents, training, evaluation, release"]
)
def test_loading_the_assets_imports_nothing_heavy(modules):
    heavy = ("torch", "cv2", "decord", "dlib", "av", "lance", "librosa", "pyarrow")
    code = (
        f"import sys, json; from assets import {modules}\nprint(json.dumps([m for m in {heavy} if m in sys.modules]))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert json.loads(done.stdout) == []
