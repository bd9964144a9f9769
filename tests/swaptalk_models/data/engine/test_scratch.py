import fcntl
import os
import tempfile
import time

import pytest

from swaptalk_models.data.engine.scratch import PREFIX, scratch_folder


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_gone_afterwards_whatever_happens(root):
    with pytest.raises(ZeroDivisionError), scratch_folder() as folder:
        assert folder.parent == root
        (folder / "file").write_text("x")
        raise ZeroDivisionError
    assert not [*root.iterdir()]


def test_what_the_killed_left_goes_and_what_others_use_stays(root):
    left, used, young = (root / f"{PREFIX}{name}" for name in ("left", "used", "young"))
    for folder in (left, used, young):
        folder.mkdir()
    an_hour_ago = time.time() - 3600
    with open(used / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in (left, used):
            os.utime(folder, (an_hour_ago, an_hour_ago))
        with scratch_folder():
            assert not left.exists() and used.is_dir() and young.is_dir()
