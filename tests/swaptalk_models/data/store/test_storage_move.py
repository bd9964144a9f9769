"""A home goes onto storage and back: whole, or not at all; a second call goes on."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from swaptalk_models.data.store import storage_move as module
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import VARIABLE, Storage, storage_of
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.data.store.storage_move import MOVED, move_home, move_to_storage
from swaptalk_models.errors import UserError

STAGES = ("clips", "mels", "vqgan")


@pytest.fixture
def home(tmp_path: Path, state: str) -> Home:
    """With two versions of a table, a clip, a model, records."""
    home = Home(tmp_path / "home").create()
    for clip in ("a", "b"):
        tables.append_rows(home, "mels", pa.table({"clip": [clip], "mel": [bytes(100)]}))
        tables.tag_version(home, "mels", f"{tables.SNAPSHOT_TAG}{clip}")
    for path in (
        home.clip_video("a"),
        home.models / "vqgan" / "v1" / "weights.safetensors",
        home.root / "jobs" / "j.json",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    home.update_state(preset="tiny")
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("mels", "a", "v", "f", "i", "1", "p", OK, rows=1)])
    return home


def holds(home: Home) -> tuple[list[str], int, str | None, bytes]:
    with Ledger(home.ledger) as ledger:
        entries = list(ledger.entries("mels"))
    old = tables.open_table(home, "mels", f"{tables.SNAPSHOT_TAG}a")
    model = home.models / "vqgan" / "v1" / "weights.safetensors"
    return entries, old.count_rows(), home.state().preset, model.read_bytes()


def test_there_and_back(home, s3):
    before = holds(home)
    count, size = move_to_storage(home, Storage(s3), STAGES)
    assert count > 5 and size > 100
    assert storage_of(home.root) == Storage(s3) and not home.tables.exists() and (home.root / MOVED).is_dir()
    assert holds(open_home(home.root, begin=True)) == before
    assert not any("jobs/" in found.key for found in ObjectStore(Storage(s3)).listed()), "talks are this host's"
    with pytest.raises(UserError, match=f"lies on {s3} already"):
        move_to_storage(home, Storage(s3), STAGES)
    tables.append_rows(home, "mels", pa.table({"clip": ["c"], "mel": [bytes(100)]}))
    home.clip_video("a").unlink()  # as on a host that has not fetched it
    move_home(home, STAGES)
    assert storage_of(home.root) is None and home.clip_video("a").read_bytes() == b"a.mp4"
    assert holds(home) == before and tables.open_table(home, "mels").count_rows() == 3
    with pytest.raises(UserError, match="lies in its folder"):
        move_home(home, STAGES)
    move_to_storage(home, Storage(s3), STAGES)  # over what was left there
    assert tables.open_table(open_home(home.root, begin=True), "mels").count_rows() == 3


@pytest.mark.parametrize("fatal", ["publish_all", "write_record", "_own_in_postgres"])
def test_a_move_that_was_killed_is_gone_on_with(home, s3, monkeypatch, fatal):
    before = holds(home)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(module, fatal, killed)
        move_to_storage(home, Storage(s3), STAGES)
    assert holds(home) == before, "whichever side it is on, it is whole"
    if fatal != "_own_in_postgres":
        assert storage_of(home.root) is None
        move_to_storage(home, Storage(s3), STAGES)
    assert storage_of(home.root) == Storage(s3) and holds(open_home(home.root, begin=True)) == before


def test_a_way_back_that_was_killed_leaves_it_on_the_storage(home, s3, monkeypatch):
    before = holds(home)
    move_to_storage(home, Storage(s3), STAGES)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(module, "_bring", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        move_home(home, STAGES)
    assert storage_of(home.root) == Storage(s3) and holds(home) == before
    move_home(home, STAGES)
    assert holds(home) == before


def test_another_home_is_not_written_over(home, tmp_path, s3, monkeypatch):
    monkeypatch.setenv(VARIABLE, s3)
    open_home(tmp_path / "other", begin=True).update_state(preset="nano")
    with pytest.raises(UserError, match=re.escape(f"{s3}: another home lies there")):
        move_to_storage(home, Storage(s3), STAGES)
    assert storage_of(home.root) is None and holds(home)[2] == "tiny"
