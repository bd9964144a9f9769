"""A release is stale when data wait for it, not when days go by."""

import json
import os

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.definitions import defs
from pipelines.freshness import stale_release
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import REFUSED, ReleaseEvent, add_event
from swaptalk_models.evaluation.compare.release_freshness import release_freshness

DAY = 86400
MADE = 1_000_000_000


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    monkeypatch.setenv("SWAPTALK_HOME", str(tmp_path))
    home = Home(tmp_path).create()
    home.update_state(preset="tiny")
    snapshot(home, "s1", MADE, ["a", "b"])
    folder = home.releases / "r1"
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps({"snapshot": "s1", "models": {}}))
    with atomic_write(home.releases / "current") as aside:
        aside.write_text("r1\n")
    return home


def snapshot(home, version, made, videos):
    """A manifest of that age, which becomes the current one."""
    path = home.manifest(version)
    if not path.is_file():
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"video": videos}), path)
        os.utime(path, (made, made))
    (home.snapshots / "current").write_text(version + "\n")


def test_age_alone_makes_nothing_stale(home):
    found = release_freshness(home, now=MADE + 1000 * DAY)
    assert found.is_fresh(0) and found.days == 0 and "newest snapshot" in found.said()


def test_data_wait_from_the_first_that_came(home):
    snapshot(home, "s2", MADE + 5 * DAY, ["a", "b", "c"])
    snapshot(home, "s3", MADE + 9 * DAY, ["b", "c", "d"])
    found = release_freshness(home, now=MADE + 11 * DAY)
    assert (found.trained_on, found.newest, found.came, found.left) == ("s1", "s3", 2, 1)
    assert found.days == pytest.approx(6) and found.is_fresh(7) and not found.is_fresh(5)
    assert "2 videos have come and 1 have gone" in found.said() and "6.0 days ago" in found.said()
    add_event(home, ReleaseEvent(REFUSED, "r2", MADE + 10 * DAY, "r1", snapshot="s3"))
    assert "refused" in release_freshness(home, now=MADE + 11 * DAY).said()
    snapshot(home, "s1", MADE, [])  # the videos are taken away again
    assert release_freshness(home, now=MADE + 11 * DAY).is_fresh(0)


def test_without_a_release_there_is_nothing_to_be_stale(tmp_path):
    assert release_freshness(Home(tmp_path).create()) is None


def tick(instance, cursor=None):
    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs)
    return stale_release.evaluate_tick(context)


def test_the_sensor_tells_when_the_answer_changes_and_only_then(home):
    assert stale_release.default_status == dg.DefaultSensorStatus.RUNNING
    with dg.instance_for_test() as instance:
        first = tick(instance)
        assert [event.passed for event in first.asset_events] == [True] and not first.run_requests
        assert not tick(instance, first.cursor).asset_events
        snapshot(home, "s2", MADE + DAY, ["a", "b", "c"])  # years ago
        second = tick(instance, first.cursor)
        (event,) = second.asset_events
        assert not event.passed and event.asset_check_key.to_user_string() == "model_release:release_is_fresh"
        assert event.metadata["new videos"].value == 1 and "1 videos have come" in event.description
        assert not tick(instance, second.cursor).asset_events
        home.update_state(overrides={"model_release.fresh_days": 100_000})
        (event,) = tick(instance, second.cursor).asset_events
        assert event.passed, "the home's own limit counts"
