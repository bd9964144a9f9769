"""New videos in a watched folder: waited for, added once, prepared in one run."""

from pathlib import Path

import dagster as dg
import pytest

from assets.support.partitions import RANGE_END, RANGE_START, sync_partitions, videos
from pipelines.jobs import HOME_TAG
from pipelines.sensors import dead_runs, new_videos
from swaptalk_models.data.sources.folder import folder_catalog
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SWAPTALK_HOME", str(tmp_path / "home"))
    folder = tmp_path / "watched"
    folder.mkdir()
    monkeypatch.setenv("SWAPTALK_WATCH", str(folder))
    return folder


@pytest.fixture
def instance():
    with dg.instance_for_test() as instance:
        yield instance


@dg.job(tags={HOME_TAG: "writes"})
def prepare_data():
    pass


class Looks:
    """One look after the other, each with the cursor and the partitions that the one before left, and what its runs have done."""

    def __init__(self, instance, folder, home):
        self.instance, self.folder, self.home, self.cursor = instance, folder, home, None

    def __call__(self):
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        data = new_videos.evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        for request in data.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        return data

    def until_asked(self, most=40) -> int:
        """Looks until a run is asked for."""
        return next(number for number in range(1, most) if self().run_requests)

    def run(self, status=dg.DagsterRunStatus.SUCCESS):
        """What is asked of the daemon: a run, and, where it succeeds, what all stages leave in the ledger."""
        run = self.instance.create_run_for_job(
            prepare_data, tags={"dagster/sensor_name": "new_videos", HOME_TAG: "writes"}, status=status
        )
        if status == dg.DagsterRunStatus.SUCCESS:
            prepare(self.home, self.folder)
            for key in set(self.instance.get_dynamic_partitions(videos.name)) - keys_of(self.folder):
                self.instance.delete_dynamic_partition(videos.name, key)
        return run


def keys_of(folder) -> set[str]:
    return set(folder_catalog(folder)["video"].to_pylist())


def prepare(home, folder, stages=("raw_videos", "clips", "face_tracks", "face_crops", "mels")) -> None:
    with Ledger(home.ledger) as ledger:
        rows = folder_catalog(folder).to_pylist()
        ledger.orphan_other_videos(row["video"] for row in rows)
        for row in rows:
            ledger.file_hash(Path(row["source"]))
            names = {stage: row["video"] if stage == "raw_videos" else row["clip"] for stage in stages}
            ledger.commit(Entry(stage, clip, row["video"], "f", "i", "1", "p", OK) for stage, clip in names.items())


@pytest.fixture
def look(instance, folder, tmp_path):
    return Looks(instance, folder, Home(tmp_path / "home").create())


def ranges(data):
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in data.run_requests]


def test_is_off_by_default():
    assert new_videos.default_status == dg.DefaultSensorStatus.STOPPED


def test_no_folder_to_watch(look, monkeypatch, folder):
    monkeypatch.delenv("SWAPTALK_WATCH")
    assert "SWAPTALK_WATCH" in look().skip_message


def test_folder_of_the_last_run_is_watched(look, monkeypatch, folder, tmp_path):
    monkeypatch.delenv("SWAPTALK_WATCH")
    (folder / "a.mp4").write_bytes(b"a")
    Home(tmp_path / "home").create().update_state(videos=str(folder), preset="nano", overrides={"clips.crf": 20})
    look()
    config = look().run_requests[0].run_config["resources"]["swaptalk"]["config"]
    assert (config["preset"], config["videos"], config["overrides"]) == ("nano", str(folder), {"clips.crf": 20})


def test_empty_folder_is_skipped(look, folder):
    data = look()
    assert "no video in" in data.skip_message
    assert not data.run_requests


def test_waits_until_the_size_is_stable(look, folder):
    (folder / "a.mp4").write_bytes(b"12")
    assert not look().run_requests
    (folder / "a.mp4").write_bytes(b"1234")
    assert not look().run_requests
    data = look()
    assert ranges(data) == [("a", "a")]
    look.run()
    assert not look().run_requests


def test_an_empty_file_is_never_taken(look, folder):
    (folder / "a.mp4").write_bytes(b"")
    assert not any(look().run_requests for _ in range(3))


def test_several_new_videos_are_one_run(look, folder, instance):
    for name in ("b", "a", "with, comma and ünicode"):
        (folder / f"{name}.mp4").write_bytes(b"1")
    look()
    data = look()
    keys = instance.get_dynamic_partitions(videos.name)
    assert len(keys) == 3
    assert ranges(data) == [(keys[0], keys[-1])]
    assert not any("," in key or " " in key for key in keys)


def test_what_a_run_has_made_already_is_not_new(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    prepare(look.home, folder)
    assert not any(look().run_requests for _ in range(3))


def test_an_overwritten_video_is_taken_again_without_a_new_partition(look, folder):
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(b"1")
    look.until_asked()
    look.run()
    (folder / "b.mp4").write_bytes(b"another")
    assert not look().run_requests
    data = look()
    assert ranges(data) == [("b", "b")]
    assert not data.dynamic_partitions_requests


def test_only_the_new_ones_are_run(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    look.until_asked()
    look.run()
    (folder / "b.mp4").write_bytes(b"1")
    look()
    assert ranges(look()) == [("b", "b")]


def test_new_and_changed_ones_are_one_run(look, folder):
    """Two runs would be at work on one table at a time."""
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(b"1")
    look.until_asked()
    look.run()
    (folder / "b.mp4").write_bytes(b"another")
    (folder / "d.mp4").write_bytes(b"1")
    look()
    assert ranges(look()) == [("b", "d")]


def test_one_that_has_gone_is_let_go_of_and_comes_back(look, folder):
    for name in "ab":
        (folder / f"{name}.mp4").write_bytes(b"1")
    look.until_asked()
    look.run()
    (folder / "b.mp4").rename(folder / "elsewhere")
    assert "come or go" in look().skip_message
    (request,) = look().run_requests
    assert request.asset_selection == [dg.AssetKey("hdtf_catalog"), dg.AssetKey("training_snapshot")]
    look.run()
    assert not any(look().run_requests for _ in range(3))
    (folder / "elsewhere").rename(folder / "b.mp4")
    look()
    assert ranges(look()) == [("b", "b")]


def test_a_folder_that_is_away_lets_nothing_go(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    look.until_asked()
    look.run()
    folder.rename(folder.with_name("unmounted"))
    assert not any(look().run_requests for _ in range(3))


def test_while_a_run_is_at_work_it_waits_and_forgets_nothing(look, folder, instance):
    (folder / "a.mp4").write_bytes(b"1")
    look()
    run = look.run(dg.DagsterRunStatus.STARTING)
    for _ in range(3):
        assert run.run_id in look().skip_message
    instance.delete_run(run.run_id)
    assert ranges(look()) == [("a", "a")]


def test_what_a_run_failed_to_do_is_asked_for_again_ever_later(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    assert look.until_asked() == 2
    for waited in (2, 4, 8):
        look.run(dg.DagsterRunStatus.FAILURE)
        assert look.until_asked() == waited + 1
    look.run()
    assert not any(look().run_requests for _ in range(3))
    (folder / "b.mp4").write_bytes(b"1")
    assert look.until_asked() == 2, "forgiven"


def test_after_a_run_that_failed_all_are_looked_at(look, folder):
    """One that had changed has entries of all stages: of some stages those of before."""
    for name in "ab":
        (folder / f"{name}.mp4").write_bytes(b"1")
    look.until_asked()
    look.run()
    look.run(dg.DagsterRunStatus.FAILURE)
    look(), look()
    assert ranges(look()) == [("a", "b")]


def test_a_video_of_which_a_stage_was_kept_is_not_prepared(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    for done in (
        ("raw_videos",),
        ("raw_videos", "clips", "mels"),
        ("raw_videos", "clips", "face_tracks", "face_crops"),
    ):
        look.home.ledger.unlink(missing_ok=True)
        prepare(look.home, folder, done)
        look()
        assert ranges(look()) == [("a", "a")], done


def test_a_snapshot_that_a_killed_run_did_not_come_to_is_made(look, folder):
    """Of the command line, say."""
    (folder / "a.mp4").write_bytes(b"1")
    prepare(look.home, folder)
    look.home.snapshots.mkdir()
    (look.home.snapshots / "current").write_text("s1")
    assert not any(look().run_requests for _ in range(3))
    with Ledger(look.home.ledger) as ledger:
        ledger.set_orphaned("mels", ["a_000"], True)
        ledger.set_orphaned("mels", ["a_000"], False)
    look.instance.add_dynamic_partitions(videos.name, ["a"])
    assert ranges(look()) == [("a", "a")]


def test_a_refused_video_is_not_asked_for_again(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    with Ledger(look.home.ledger) as ledger:
        ledger.commit([Entry("raw_videos", "a", "a", "f", "i", "1", "p", QUARANTINED, reason="unreadable")])
    assert not any(look().run_requests for _ in range(3))


def test_a_cursor_of_an_earlier_version_is_read(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    look.cursor = '{"seen": {}, "taken": {}}'
    assert look.until_asked() == 2


def test_what_a_waiting_run_is_about_stays_a_partition(instance):
    sync_partitions(instance, ["a", "b", "c"])
    tags = {RANGE_START: "a", RANGE_END: "b"}
    run = instance.create_run_for_job(prepare_data, tags=tags, status=dg.DagsterRunStatus.STARTING)
    assert sync_partitions(instance, ["d"]) == (["d"], ["c"])
    instance.report_run_canceled(run)
    assert sync_partitions(instance, ["d"]) == ([], ["a", "b"])


def test_runs_whose_process_died_are_freed_by_the_daemon(instance):
    assert dead_runs.default_status == dg.DefaultSensorStatus.RUNNING
    server = '{"host": "localhost", "socket": "/gone"}'
    run = instance.create_run_for_job(
        prepare_data, tags={".dagster/grpc_info": server}, status=dg.DagsterRunStatus.STARTED
    )
    assert run.run_id in dead_runs.evaluate_tick(dg.build_sensor_context(instance=instance)).skip_message
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
