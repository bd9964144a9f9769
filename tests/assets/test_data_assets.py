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
from swaptalk_models.data.store.ledger import Entry, Ledger
from swaptalk_models.rehearsal.precheck import kept

PARTITIONED = ["raw_videos", "clips", "face_tracks", "face_crops", "mels"]
VIDEOS = {f"phantom_{i:03d}" for i in range(6)} | {"spoilt", "silent"}
FRAMES = 30  # of each


def told(event: dg.AssetMaterialization, *names: str) -> tuple:
    return tuple(event.metadata[name].value for name in names)


def numbers(event: dg.AssetMaterialization) -> set[str]:
    """What Dagster's plots take of an event: its ints and floats."""
    return {
        name
        for name, value in event.metadata.items()
        if isinstance(value, (dg.FloatMetadataValue, dg.IntMetadataValue))
    }


def test_one_run_covers_partitioned_and_unpartitioned_assets(first, whole):
    assert set(first) == {"hdtf_catalog", *PARTITIONED, "training_snapshot"}
    for name in PARTITIONED:
        assert set(first[name]) == VIDEOS | {"notes_about"}
    assert told(whole["raw_videos"], "computed", "cached", "quarantined") == (8, 0, 1)
    for name in PARTITIONED[1:]:
        assert told(whole[name], "computed", "cached", "quarantined") == (8, 0, 0)


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


def test_the_whole_assets_page_holds_rows_lineage_and_pictures(whole):
    crops = whole["face_crops"].metadata
    assert crops["dagster/row_count"].value == len(VIDEOS) * FRAMES
    assert "affine" in crops["dagster/column_lineage"].value.deps_by_column
    for name, picture in (("face_crops", "contact sheet"), ("mels", "sound"), ("face_tracks", "confidence")):
        text = whole[name].metadata[picture].value
        assert text.startswith("![") and "base64," in text and len(text) < 30_000
    quarantined = whole["raw_videos"].metadata["quarantine"].value.records
    assert [record.data["clip"] for record in quarantined] == ["notes_about"]


def test_a_partitions_page_tells_of_its_video_alone(first):
    raw = {video: event.metadata.get("why quarantined") for video, event in first["raw_videos"].items()}
    assert "not a video" in raw.pop("notes_about").value and set(raw.values()) == {None}
    crops = {video: told(event, "clips", "rows", "frames") for video, event in first["face_crops"].items()}
    assert crops.pop("notes_about") == ("0", "0", "0")
    assert set(crops.values()) == {(1, FRAMES, FRAMES)}
    pages = first["face_crops"]
    assert "blurred" in pages["spoilt"].metadata["why marked"].value
    assert pages["spoilt"].metadata["blur"].value > 0.75 > pages["phantom_000"].metadata["blur"].value
    assert "why marked" not in pages["phantom_000"].metadata
    (row,) = pages["spoilt"].metadata["this video"].value.records
    assert (row.data["clip"], row.data["frames"]) == ("spoilt_000", str(FRAMES)) and "blurred" in row.data["said"]
    (source,) = first["raw_videos"]["phantom_000"].metadata["this video"].value.records
    assert source.data["picture"] == "256 x 256" and source.data["said"] == "ok"
    for name in PARTITIONED:
        for video, event in first[name].items():
            assert event.metadata["data version"].value == event.tags["dagster/data_version"], (name, video)
            assert not any("histogram" in label or "contact" in label for label in event.metadata), (
                "those of all videos"
            )


def test_a_video_shows_crops_of_its_own(graph, first):
    shown = {
        video: event.metadata["crops"].value
        for video, event in first["face_crops"].items()
        if event.metadata.get("crops")
    }
    assert set(shown) == VIDEOS and len({text.partition("](")[2] for text in shown.values()}) >= len(VIDEOS) - 1
    assert all(text.startswith("![crops of ") and len(text) < 10_000 for text in shown.values())
    kept = {path: path.stat().st_mtime_ns for path in (graph.home.root / "pages").iterdir()}
    again = graph.run("face_crops")["face_crops"]
    assert {video: again[video].metadata["crops"].value for video in shown} == shown
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what has not changed is not drawn again"


def test_how_far_a_sound_is_off_stands_on_its_videos_page(own):
    with Ledger(own.home.ledger) as ledger:
        measured = {"quality": {"offset": 3.0, "spread": 0.0}}
        ledger.commit([Entry("sync_offsets", "phantom_001_000", "phantom_001", "", "", "", "", "ok", output=measured)])
    page = own.run("mels", partition_key="phantom_001")["mels"]["phantom_001"].metadata
    (row,) = page["this video"].value.records
    assert row.data["sound too early by (frames)"] == "3.0" and "sound 3 frames too early" in page["why marked"].value


def test_only_what_is_new_is_a_point_in_dagsters_plots(own, first, whole):
    assert numbers(first["face_crops"]["phantom_000"]) >= {"clips", "rows", "frames", "blur", "magnification"}
    assert numbers(whole["face_crops"]) >= {"computed", "seconds", "dagster/row_count", "blur median"}
    again = own.run("face_crops", "training_snapshot")
    for event in (*again["face_crops"].values(), own.whole["face_crops"], again["training_snapshot"][""]):
        assert numbers(event) == set()
    assert again["face_crops"]["phantom_000"].metadata["rows"].value == str(float(FRAMES)).removesuffix(".0")
    assert own.whole["face_crops"].metadata["rows"].value == str(len(VIDEOS) * FRAMES)


def test_before_a_run_the_catalog_says_whether_there_is_enough(graph, first):
    rows = [record.data for record in first["hdtf_catalog"][""].metadata["before a run"].value.records]
    said = {row["what"]: (row["there"], row["enough?"]) for row in rows}
    assert said["people to train on"] == ("5", "too few") and said["disk"][1] == "enough"
    graph.run("hdtf_catalog", tags={})
    (check,) = graph.checks()
    assert not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    assert "people to train on 5, too few: the lip expert may stay at chance" in check.description
    assert kept(graph.home.root)[0]["what"] == "people to train on"


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
        assert graph.counts(name)[0] == 0
    (snapshot,) = again["training_snapshot"].values()
    assert told(snapshot, "version") == told(first["training_snapshot"][""], "version")


def test_single_assets_run_for_one_partition_or_a_range(graph, first):
    one = graph.run("face_crops", partition_key="phantom_002")["face_crops"]
    assert set(one) == {"phantom_002"} and graph.counts("face_crops") == [0, 1, 0]
    keys = graph.instance.get_dynamic_partitions("videos")
    some = graph.run("mels", tags={RANGE_START: keys[1], RANGE_END: keys[2]})["mels"]
    assert set(some) == set(keys[1:3]) and sum(graph.counts("mels")[1:]) <= 2


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
