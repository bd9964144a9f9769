"""New videos in a watched folder: waited for, added once, prepared in one run."""

import dagster as dg
import pytest

from assets.support.partitions import RANGE_END, RANGE_START, videos
from pipelines.sensors import new_videos
from swaptalk_models.data.store.home import Home


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


class Looks:
    """One look after the other, each with the cursor and the partitions that the one before left."""

    def __init__(self, instance):
        self.instance, self.cursor = instance, None

    def __call__(self):
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        data = new_videos.evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        for request in data.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        return data


@pytest.fixture
def look(instance):
    return Looks(instance)


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


def test_what_a_run_has_made_already_is_not_new(look, folder, instance):
    (folder / "a.mp4").write_bytes(b"1")
    instance.add_dynamic_partitions(videos.name, ["a"])
    assert not any(look().run_requests for _ in range(3))


def test_an_overwritten_video_is_taken_again_without_a_new_partition(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    look()
    assert look().run_requests
    (folder / "a.mp4").write_bytes(b"another")
    look()
    data = look()
    assert ranges(data) == [("a", "a")]
    assert not data.dynamic_partitions_requests


def test_only_the_new_ones_are_run(look, folder):
    (folder / "a.mp4").write_bytes(b"1")
    look(), look()
    (folder / "b.mp4").write_bytes(b"1")
    look()
    assert ranges(look()) == [("b", "b")]
