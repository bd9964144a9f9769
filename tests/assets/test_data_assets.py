"""The data half of the graph, through Dagster, on a small phantom corpus."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets import audio, catalog, clips, faces, snapshot
from assets.support.partitions import all_partitions, sync_partitions
from assets.support.resources import SwapTalk
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.ledger import Ledger

ASSETS = [
    catalog.hdtf_catalog,
    clips.raw_videos,
    clips.clips,
    faces.face_tracks,
    faces.face_crops,
    audio.mels,
    snapshot.training_snapshot,
]
CHECKS = [
    faces.face_tracks_rows,
    faces.face_crops_rows,
    faces.face_tracks_quality,
    audio.mels_rows,
    snapshot.training_snapshot_split,
]
PARTITIONED = ["raw_videos", "clips", "face_tracks", "face_crops", "mels"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, people=4, seconds=1.0)
    (folder / "notes, about.mp4").write_text("this is no video")
    return folder


class Graph:
    """A home, an instance, and the job over both."""

    def __init__(self, folder: Path, videos: Path, instance: dg.DagsterInstance):
        self.swaptalk = SwapTalk(home=str(folder / "home"), videos=str(videos), processes=1)
        self.instance = instance
        self.job = dg.Definitions(
            assets=ASSETS,
            asset_checks=CHECKS,
            resources={"swaptalk": self.swaptalk},
            jobs=[dg.define_asset_job("main", "*")],
            executor=dg.in_process_executor,
        ).resolve_job_def("main")

    def run(self, *names: str, **where) -> dict[str, dict]:
        """{asset: metadata of its last event}."""
        selection = [dg.AssetKey(name) for name in names] or None
        result = self.job.execute_in_process(instance=self.instance, asset_selection=selection, **where)
        assert result.success
        self.result = result
        found = {}
        for event in result.get_asset_materialization_events():
            values = {key: value.value for key, value in event.materialization.metadata.items()}
            found.setdefault(event.asset_key.to_user_string(), []).append(
                (event.partition, values, event.materialization)
            )
        return found

    def run_all(self) -> dict[str, dict]:
        self.run("hdtf_catalog")
        return self.run(tags=all_partitions(self.instance))


@pytest.fixture(scope="module")
def graph(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Graph(folder, corpus, instance)


@pytest.fixture(scope="module")
def first(graph) -> dict:
    return graph.run_all()


def counts(events: list) -> tuple[float, float, float]:
    _, metadata, _ = events[0]
    return metadata["computed"], metadata["cached"], metadata["quarantined"]


def test_one_run_covers_partitioned_and_unpartitioned_assets(graph, first):
    assert set(first) == {asset.key.to_user_string() for asset in ASSETS}
    videos = {f"phantom_{i:03d}" for i in range(4)} | {"notes_about"}
    for name in PARTITIONED:
        assert {partition for partition, _, _ in first[name]} == videos
    assert counts(first["raw_videos"]) == (4, 0, 1)
    for name in PARTITIONED[1:]:
        assert counts(first[name]) == (4, 0, 0)


def test_every_check_passes(graph, first):
    graph.run_all()
    evaluations = graph.result.get_asset_check_evaluations()
    assert {evaluation.check_name for evaluation in evaluations} == {
        key.name for check in CHECKS for key in check.check_keys
    }
    assert all(evaluation.passed for evaluation in evaluations)


def test_metadata_hold_rows_schema_pictures_and_reasons(first):
    _, crops, _ = first["face_crops"][0]
    assert crops["dagster/row_count"] == 100
    assert {column.name for column in crops["dagster/column_schema"].columns} == set(DATA_STAGES["face_crops"].schema.names)
    assert "affine" in crops["dagster/column_lineage"].deps_by_column
    for name, picture in (("face_crops", "contact sheet"), ("mels", "sound"), ("face_tracks", "confidence")):
        text = first[name][0][1][picture]
        assert text.startswith("![") and "base64," in text and len(text) < 30_000
    reasons = {partition: metadata.get("why quarantined") for partition, metadata, _ in first["raw_videos"]}
    assert "not a video" in reasons.pop("notes_about") and set(reasons.values()) == {None}


def test_tables_hold_what_the_contract_says(graph, first):
    home = graph.swaptalk.home_folder()
    for name in CLIP_TABLES:
        assert tables.open_table(home, name).schema.equals(DATA_STAGES[name].schema)
    mel = tables.read_clip(home, "mels", "phantom_000_000")
    assert mel["steps"].to_pylist() == [80] and len(mel["mel"][0].as_py()) == 80 * 80 * 4
    crop = tables.read_clip(home, "face_crops", "phantom_001_000")
    assert crop["frame"].to_pylist() == list(range(25)) and len(crop["labels"][0].as_py()) == 32 * 32
    assert len(load_snapshot(home).clips()) == 4


def test_second_run_computes_nothing_and_keeps_every_version(graph, first):
    again = graph.run_all()
    for name in PARTITIONED:
        assert counts(again[name])[0] == 0
        tag = "dagster/data_version"
        assert {e.tags[tag] for _, _, e in again[name]} == {e.tags[tag] for _, _, e in first[name]}
    assert again["training_snapshot"][0][1]["version"] == first["training_snapshot"][0][1]["version"]


def test_single_assets_run_for_one_partition_or_a_range(graph, first):
    one = graph.run("face_crops", partition_key="phantom_002")
    assert [partition for partition, _, _ in one["face_crops"]] == ["phantom_002"] and counts(one["face_crops"]) == (
        0,
        1,
        0,
    )
    where = {"dagster/asset_partition_range_start": "phantom_001", "dagster/asset_partition_range_end": "phantom_002"}
    some = graph.run("mels", tags=where)
    assert {partition for partition, _, _ in some["mels"]} == {"phantom_001", "phantom_002"} and counts(
        some["mels"]
    ) == (0, 2, 0)


def test_status_counts_are_those_of_the_last_run(graph, first):
    graph.run("mels", partition_key="phantom_000")
    with Ledger(graph.swaptalk.home_folder().ledger) as ledger:
        assert {name: report.cached for name, report in ledger.last_run().items()} == {"mels": 1}


def test_partitions_follow_the_catalog():
    with dg.DagsterInstance.ephemeral() as instance:
        assert all_partitions(instance) == {}
        assert sync_partitions(instance, ["a", "b"]) == (["a", "b"], [])
        assert sync_partitions(instance, ["b", "c"]) == (["c"], ["a"])
        assert sorted(instance.get_dynamic_partitions("videos")) == ["b", "c"]


def test_loading_the_data_assets_imports_nothing_heavy():
    code = (
        "import sys, json; from assets import audio, catalog, clips, faces, snapshot\n"
        "print(json.dumps([m for m in ('torch', 'cv2', 'decord', 'dlib', 'av', 'lance', 'librosa') if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert json.loads(done.stdout) == []
