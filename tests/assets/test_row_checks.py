"""A check for each video, in one run over many: its result, its reads, and what it blocks are its own."""

from __future__ import annotations

import dagster as dg
import pytest

from swaptalk_models.data.store import audit, tables
from swaptalk_models.data.store.ledger import Ledger

CHECK = dg.AssetCheckKey(dg.AssetKey("face_crops"), "face_crops_rows")


def statuses(graph) -> dict[str | None, str]:
    """{video: its newest status}, as Dagster keeps them."""
    found = graph.instance.event_log_storage.get_asset_check_partition_info([CHECK])
    return {info.partition_key: info.latest_execution_status.value for info in found}


def evaluations(graph) -> dict[str | None, dg.AssetCheckEvaluation]:
    return {found.partition: found for found in graph.checks() if found.check_name == CHECK.name}


def test_a_run_over_all_videos_has_a_result_for_each(graph, first):
    graph.run("face_crops")
    keys = set(graph.instance.get_dynamic_partitions("videos"))
    assert {video for video, found in evaluations(graph).items() if found.passed} == keys
    assert {video: status for video, status in statuses(graph).items() if status != "SUCCEEDED"} == {}
    assert set(statuses(graph)) == keys, "and none that is of no video"


def test_a_videos_missing_rows_fail_its_own_check_and_stop_what_follows(own):
    tables.delete_clips(own.home, "face_crops", ["phantom_001_000"])
    with Ledger(own.home.ledger) as ledger:  # what the stage itself would see and mend
        assert ledger.entries("face_crops", ["phantom_001"])["phantom_001_000"].rows == 30
    own.run("face_crops", "training_snapshot", must=False)
    failed = [video for video, status in statuses(own).items() if status == "FAILED"]
    assert failed == ["phantom_001"] and set(statuses(own).values()) == {"FAILED", "SUCCEEDED"}
    found = evaluations(own)["phantom_001"]
    assert "phantom_001_000: 0 rows instead of 30" in found.description and found.blocking
    assert not own.result.success
    assert {event.asset_key.to_user_string() for event in own.result.get_asset_materialization_events()} == {
        "face_crops"
    }


def test_one_videos_run_looks_at_its_own_rows_only(own, monkeypatch):
    tables.delete_clips(own.home, "face_crops", ["phantom_001_000"])
    own.run("face_crops", must=False)
    asked = []
    counted = tables.row_counts
    monkeypatch.setattr(
        audit.tables, "row_counts", lambda home, name, videos=None: asked.append(videos) or counted(home, name, videos)
    )
    own.run("face_crops", partition_key="phantom_002")
    assert asked == [["phantom_002"]] * 2, "its own table, and face_tracks"
    assert list(evaluations(own)) == ["phantom_002"]
    assert statuses(own)["phantom_001"] == "FAILED", "still"


def test_rows_that_are_there_twice(own):
    rows = tables.read_clip(own.home, "face_crops", "phantom_004_000")
    tables.append_rows(own.home, "face_crops", rows)
    own.run("face_crops", must=False)
    assert "phantom_004_000: frames that are there twice" in evaluations(own)["phantom_004"].description
    assert "60 rows for 30 in face_tracks" in evaluations(own)["phantom_004"].description


def test_wrong_rows_of_a_video_that_has_gone_are_found_by_a_run_over_all(own):
    tables.delete_clips(own.home, "face_crops", ["phantom_005_000"])
    own.instance.delete_dynamic_partition("videos", "phantom_005")
    own.run("face_crops", partition_key="phantom_000")
    own.run("face_crops", must=False)
    assert any("rows of videos that have gone: phantom_005_000: 0 rows instead of 30" in said for said in own.faults())


@pytest.mark.parametrize("tags", [{"dagster/partition": "phantom_000"}, {}])
def test_a_check_can_be_run_by_itself(graph, first, tags):
    """Of one video, or of all: the UI asks for checks without partitions."""
    from pipelines.definitions import defs

    job = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        resources={**defs.resources, "swaptalk": graph.swaptalk()},
        executor=dg.in_process_executor,
        jobs=[dg.define_asset_job("one", dg.AssetSelection.checks(CHECK))],
    ).resolve_job_def("one")
    result = job.execute_in_process(instance=graph.instance, tags=tags)
    every = graph.instance.get_dynamic_partitions("videos")
    looked_at = {found.partition for found in result.get_asset_check_evaluations()}
    assert result.success and looked_at == (set(tags.values()) or set(every))
