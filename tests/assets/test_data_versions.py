"""A video's data version is its own: what comes of one leaves the others as they are, and Dagster sees no difference."""

from __future__ import annotations

import shutil

import dagster as dg
import pytest

from pipelines.definitions import defs
from swaptalk_models.graph.code_versions import CODE_VERSIONS

PARTITIONED = ["raw_videos", "clips", "face_tracks", "face_crops", "mels"]
VERSION = "dagster/data_version"


def versions(events: dict[str, dg.AssetMaterialization]) -> dict[str, str]:
    return {video: event.tags[VERSION] for video, event in events.items()}


def test_every_video_has_a_version_of_its_own(first):
    for name in PARTITIONED:
        found = versions(first[name])
        assert len(set(found.values())) == len(found), name


def test_the_event_log_holds_one_event_a_video_one_of_all_and_no_other(graph, first):
    """What fails first where a Dagster does not heed the mark that we have made the events."""
    for name in PARTITIONED:
        graph.run(name)
        logged = [
            record.asset_materialization
            for record in graph.instance.fetch_materializations(dg.AssetKey(name), limit=1000).records
            if record.run_id == graph.result.run_id
        ]
        assert len(logged) == len(first[name]) + 1
        assert logged[0].partition is None, "last, so that the asset's page shows it"
        assert {event.partition: event.tags[VERSION] for event in logged[1:]} == versions(first[name])
        assert all(event.tags["dagster/data_version_is_user_provided"] == "true" for event in logged)


@pytest.fixture
def watched(own, tmp_path):
    """One with a folder of videos of its own."""
    shutil.copytree(own.videos, tmp_path / "videos")
    own.videos = tmp_path / "videos"
    own.run("hdtf_catalog", tags={})
    return own


def test_one_more_video_leaves_the_others_versions_as_they_were(watched):
    before = watched.run("raw_videos", "clips", "mels")
    shutil.copy(watched.videos / "phantom_003.mp4", watched.videos / "visitor.mp4")
    watched.run("hdtf_catalog", tags={})
    after = watched.run("raw_videos", "clips", "mels")
    for name, events in after.items():
        found = versions(events)
        assert found.pop("visitor")
        assert found == versions(before[name]), name


def test_only_what_is_made_of_a_changed_video_is_out_of_date(watched):
    """In the words of the UI: after a run over all videos, of which one has other content than before."""
    watched.run(*PARTITIONED)
    watched.run("clips")
    assert stale(watched, "mels") == set(), "made again, and the same"
    shutil.copy(watched.videos / "phantom_003.mp4", watched.videos / "phantom_001.mp4")
    watched.run("raw_videos", "clips")
    assert stale(watched, "mels") == stale(watched, "face_tracks") == {"phantom_001"}
    watched.run("mels")
    assert stale(watched, "mels") == set()


def test_tags_say_from_what_it_was_made_as_those_of_dagsters_own_events_do(own):
    event = own.run("raw_videos", "clips")["clips"]["phantom_000"]
    (upstream,) = own.instance.fetch_materializations(dg.AssetKey("raw_videos"), limit=1).records
    assert event.tags == {
        "dagster/code_version": CODE_VERSIONS["clips"],
        "dagster/data_version": event.tags[VERSION],
        "dagster/data_version_is_user_provided": "true",
        "dagster/input_event_pointer/raw_videos": str(upstream.storage_id),
        "dagster/input_data_version/raw_videos": upstream.asset_materialization.tags[VERSION],
    }


def stale(graph, asset: str) -> set[str]:
    """Videos of the asset that Dagster calls out of date."""
    from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
    from dagster._core.loader import LoadingContextForTest

    loading = LoadingContextForTest(graph.instance)
    resolver = CachingStaleStatusResolver(graph.instance, defs.resolve_asset_graph(), loading)
    keys = graph.instance.get_dynamic_partitions("videos")
    return {key for key in keys if resolver.get_status(dg.AssetKey(asset), key) == StaleStatus.STALE}
