"""Files appear whole or not at all."""

import os
import subprocess
import sys

import pytest

from swaptalk_models.data.store.atomic_write import atomic_write


def test_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a[1].mp4"
    with atomic_write(path) as aside:
        assert aside.parent == path.parent
        aside.write_text("one")
        assert not path.exists()
    with pytest.raises(RuntimeError), atomic_write(path) as aside:
        aside.write_text("two")
        raise RuntimeError
    assert path.read_text() == "one" and os.listdir(path.parent) == ["a[1].mp4"]


@pytest.mark.parametrize("name", ["n" * 251 + ".mp4", "\udcff" * 100 + ".mp4", "ü" * 120 + ".mp4"])
def test_the_longest_names_are_written_too(tmp_path, name):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with atomic_write(tmp_path / name) as aside:
        left = aside.with_name(aside.name.replace(str(os.getpid()), str(dead.pid)))
        left.touch()
        aside.write_text("one")
        assert aside.suffix == ".part" and ".mp4" in aside.name
    with atomic_write(tmp_path / name) as aside:
        aside.write_text("two")
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_text() == "two"


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".a.mp4.{dead.pid}.part").touch()
    (tmp_path / f".a.mp4.{os.getppid()}.part").touch()
    with atomic_write(tmp_path / "a.mp4") as aside:
        aside.touch()
    assert sorted(os.listdir(tmp_path)) == sorted([f".a.mp4.{os.getppid()}.part", "a.mp4"])
