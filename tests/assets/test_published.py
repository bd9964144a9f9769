"""assets/support/published.py"""

import threading
from pathlib import Path

import pytest

from assets.support import published as module
from assets.support.published import published_meanwhile
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.storage_address import Storage, write_marker
from swaptalk_models.errors import UserError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path).create()
    write_marker(home.root, Storage("s3://lab/talks"))
    return home


def test_checkpoints_are_published_while_the_training_goes_on(home, monkeypatch):
    twice, pushed = threading.Event(), []

    def push(root: Path) -> None:
        pushed.append(root)
        if len(pushed) == 2:
            twice.set()

    monkeypatch.setattr(module, "push", push)
    with published_meanwhile(home, pytest.fail, every=0.01):
        assert twice.wait(30)
    count = len(pushed)
    assert set(pushed) == {home.root}
    assert not twice.clear() and not twice.wait(0.05) and len(pushed) == count, "it has ended"


def test_a_storage_that_is_away_stops_no_training(home, monkeypatch):
    warned, told = threading.Event(), []

    def push(root: Path) -> None:
        raise UserError("cannot be reached")

    def warn(line: str) -> None:
        told.append(line)
        warned.set()

    monkeypatch.setattr(module, "push", push)
    with published_meanwhile(home, warn, every=0.01):
        assert warned.wait(30)
    assert told[0] == "checkpoints are not on the storage: cannot be reached"


def test_a_home_in_its_folder_starts_nothing(tmp_path):
    before = threading.active_count()
    with published_meanwhile(Home(tmp_path), pytest.fail, every=0.0):
        assert threading.active_count() == before
