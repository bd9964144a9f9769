"""Files of a home on storage, between two hosts: each a folder of its own, the ledger in Postgres."""

import os
from pathlib import Path

import pytest

from swaptalk_models.data.store import levelling, stored_trees
from swaptalk_models.data.store import stored_files as module
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.levelling import push
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import VARIABLE, storage_of
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.data.store.stored_files import StoredNames, fetch, present, publish, stored_size, withdraw
from swaptalk_models.errors import UserError


@pytest.fixture
def hosts(tmp_path, s3, postgres, monkeypatch) -> tuple[Home, Home]:
    monkeypatch.setenv(VARIABLE, s3)
    return open_home(tmp_path / "one", begin=True), open_home(tmp_path / "two", begin=True)


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def stored(home: Home) -> list[str]:
    return [found.key for found in ObjectStore(storage_of(home.root)).listed("files/")]


def test_what_is_made_under_a_lock_is_there_for_the_next_host(hosts):
    one, two = hosts
    with one.writing("vqgan"):
        put(one.models / "vqgan" / "v1" / "result.json", b"{}")
        large = put(one.models / "vqgan" / "v1" / "weights.safetensors", bytes(stored_trees.SMALL + 1))
        put(one.models / "vqgan" / "v1" / ".history.parquet.7.part", b"half")
        put(one.models / "vqgan" / "current", b"v1\n")
        assert stored(one) == []
    with two.writing("lip_sync", reads=("vqgan",)):
        there = two.models / "vqgan"
        assert (there / "current").read_bytes() == b"v1\n" and (there / "v1" / "result.json").read_bytes() == b"{}"
        assert sorted(path.name for path in (there / "v1").iterdir()) == ["result.json"]
        assert present(there / "v1" / "weights.safetensors").read_bytes() == large.read_bytes()
        assert (there / "v1" / "weights.safetensors").stat().st_mtime_ns == large.stat().st_mtime_ns
    assert len(stored(one)) == 3


def test_the_newer_pointer_counts_whoever_wrote_it(hosts):
    one, two = hosts
    for number, (writer, reader) in enumerate(((one, two), (two, one), (one, two))):
        with writer.writing("model_release"):
            put(writer.releases / "current", b"v%d\n" % number)
            os.utime(writer.releases / "current", ns=(0, 10**9 - number))  # clocks of hosts may differ
        with reader.writing("model_release"):
            assert (reader.releases / "current").read_bytes() == b"v%d\n" % number
    assert len(stored(one)) == 1, "what was replaced is gone"


def test_what_a_killed_host_had_not_published_is_published_by_its_next_run(hosts):
    one, two = hosts
    with one.writing("vqgan"):
        put(one.models / "vqgan" / "current", b"v1\n")
    put(one.models / "vqgan" / "current", b"v2\n")  # killed before it let go
    with two.waiting("state"):
        assert (two.models / "vqgan" / "current").read_bytes() == b"v1\n"
    with one.writing("vqgan"):
        assert (one.models / "vqgan" / "current").read_bytes() == b"v2\n"
    with two.waiting("state"):
        assert (two.models / "vqgan" / "current").read_bytes() == b"v2\n"


def test_after_an_error_what_is_whole_is_published(hosts):
    one, two = hosts
    with pytest.raises(KeyboardInterrupt), one.writing("vqgan"):
        put(one.models / "vqgan" / "v1" / "checkpoint.pt", b"step 5")
        raise KeyboardInterrupt
    with two.waiting("state"):
        assert (two.models / "vqgan" / "v1" / "checkpoint.pt").read_bytes() == b"step 5"


def test_clips_come_when_they_are_asked_for_and_as_they_are_now(hosts):
    one, two = hosts
    clips = [put(one.clip_video(name), name.encode()) for name in ("a", "b")]
    publish(one.root, [*clips, one.clip_video("not made")])
    with two.waiting("state"):
        assert not two.clips.exists()
    assert two.clip_video("a") in StoredNames(two.root) and two.clip_video("c") not in StoredNames(two.root)
    assert stored_size(two.root, "clips") == 2
    with Ledger(two.ledger) as ledger, Ledger(one.ledger) as other:
        assert ledger.file_hash(two.clip_video("a")) == other.file_hash(one.clip_video("a"))
    fetch(two.root, [two.clip_video("a"), two.clip_video("c"), Path("/elsewhere/a.mp4")])
    assert [path.name for path in two.clips.iterdir()] == ["a.mp4"]
    publish(one.root, [put(one.clip_video("a"), b"cut anew")])
    fetch(two.root, [two.clip_video("a")])
    assert two.clip_video("a").read_bytes() == b"cut anew"
    withdraw(one.root, one.clips)
    assert stored(one) == [] and two.clip_video("a") not in StoredNames(two.root)


def test_a_folder_that_was_removed_goes_from_the_other_host_too(hosts):
    one, two = hosts
    for name in ("v1", "v2"):
        put(one.models / "vqgan" / name / "result.json", name.encode())
    push(one.root)
    with two.waiting("state"):
        assert (two.models / "vqgan" / "v1" / "result.json").is_file()
    (one.models / "vqgan" / "v1" / "result.json").unlink()
    withdraw(one.root, one.models / "vqgan" / "v1")
    with two.waiting("state"):
        assert [path.parent.name for path in two.models.rglob("*.json")] == ["v2"]
    push(two.root)
    assert len(stored(one)) == 1, "nobody brings it back"


def test_what_is_damaged_or_lost_on_the_storage_is_named(hosts):
    one, two = hosts
    publish(one.root, [put(one.clip_video("a"), b"good")])
    store, (key,) = ObjectStore(storage_of(one.root)), stored(one)
    store.write(key, b"bad!")
    with pytest.raises(UserError, match="clips/a.mp4@.*: differs from its hash"):
        fetch(two.root, [two.clip_video("a")])
    assert not two.clip_video("a").exists() and not list(two.clips.glob("*")), "whole or not at all"
    store.delete([key])
    with pytest.raises(UserError, match="the ledger knows of it, and it is not there"):
        fetch(two.root, [two.clip_video("a")])


def test_a_home_in_its_folder_alone_knows_nothing_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "StoredIndex", None)
    monkeypatch.setattr(levelling, "StoredIndex", None)
    monkeypatch.setattr(module, "ObjectStore", None)
    home = Home(tmp_path).create()
    with home.writing("vqgan"):
        path = put(home.models / "vqgan" / "current", b"v1\n")
    assert present(path) == path and present(tmp_path / "none") == tmp_path / "none"
    publish(home.root, [path])
    fetch(home.root, [path])
    withdraw(home.root, path)
    assert path not in StoredNames(home.root) and path.is_file()
