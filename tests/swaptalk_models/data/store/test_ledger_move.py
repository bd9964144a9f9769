"""Between SQLite and Postgres nothing is lost."""

import dataclasses

import pytest

from swaptalk_models.data.store import ledger_move as module
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger, StageReport
from swaptalk_models.data.store.ledger_move import move_to_postgres, move_to_sqlite
from swaptalk_models.data.store.state_store import VARIABLE, marker_file
from swaptalk_models.errors import UserError

STAGES = ("clips", "mels")


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home").create()
    (tmp_path / "video").write_bytes(b"v")
    with Ledger(home.ledger) as ledger:
        ledger.commit(
            [Entry("clips", f"ä {n}", "v", "f", "i", "1", "p", OK, output={"n": n}, rows=n) for n in range(7)]
        )
        ledger.commit([Entry("mels", "b", "v", "f", "i", "1", "p", QUARANTINED, "bad\nline", orphaned=True)])
        ledger.begin("mels", ["c"])
        ledger.record(StageReport("clips", 1, 2, 3, 0.25), "run")
        ledger.remember_download("https://x", "dead", "404", 12.5)
        ledger.file_hash(tmp_path / "video")
    with pytest.raises(ZeroDivisionError), home.writing("mels"):
        raise ZeroDivisionError
    return home


def content(home: Home) -> list:
    with Ledger(home.ledger) as ledger:
        found = [ledger.entries(stage, orphaned=None) for stage in STAGES]
        return [*found, ledger.pending("mels"), ledger.last_run(), ledger.downloads(), ledger.known_files()]


def unclean(home: Home) -> list[bool]:
    """Of clips and mels; what is true stays true."""
    found = []
    for stage in STAGES:
        with pytest.raises(ZeroDivisionError) if stage == "mels" else home.held(), home.writing(stage) as left:
            found.append(left)
            if stage == "mels":
                raise ZeroDivisionError
    return found


def test_there_and_back(home, monkeypatch, postgres_address, tmp_path):
    before = content(home)
    assert unclean(home) == [False, True]
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    monkeypatch.setenv(VARIABLE, postgres_address)
    assert move_to_postgres(home, STAGES) == 8
    assert not home.ledger.exists() and home.ledger.with_name("ledger.sqlite.moved").is_file()
    assert content(home) == before and unclean(home) == [False, True]
    with Ledger(home.ledger) as ledger:
        changed = dataclasses.replace(before[0]["ä 0"], reason="seen in Postgres")
        ledger.commit([changed])
    after = content(home)
    with pytest.raises(UserError, match="no ledger of its own"):
        move_to_postgres(home, STAGES)
    assert move_to_sqlite(home, STAGES) == 8
    with pytest.raises(UserError, match="--move-to postgres"):
        content(home)
    with pytest.raises(UserError, match="no ledger in Postgres"):
        move_to_sqlite(home, STAGES)
    monkeypatch.delenv(VARIABLE)
    assert content(home) == after and unclean(home) == [False, True]
    assert not marker_file(home.root).exists()


def test_nothing_is_moved_while_somebody_writes(home, monkeypatch, postgres_address):
    with home.writing("clips"):
        monkeypatch.setenv(VARIABLE, postgres_address)
        with pytest.raises(UserError, match="is at work on clips"):
            move_to_postgres(home, STAGES)
    move_to_postgres(home, STAGES)
    with home.writing("clips"), pytest.raises(UserError, match="is at work on clips"):
        move_to_sqlite(home, STAGES)


def test_a_move_that_fails_has_not_been(home, monkeypatch, postgres_address):
    before = content(home)
    monkeypatch.setenv(VARIABLE, postgres_address)
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_marker", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            move_to_postgres(home, STAGES)
    monkeypatch.delenv(VARIABLE)
    assert content(home) == before
    monkeypatch.setenv(VARIABLE, postgres_address)
    move_to_postgres(home, STAGES)
    with monkeypatch.context() as patched:
        patched.setattr(module, "_copy", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            move_to_sqlite(home, STAGES)
    assert content(home) == before and not home.ledger.exists()


def test_without_a_database_named_nothing_is_moved(home):
    with pytest.raises(UserError, match=f"{VARIABLE} is not set"):
        move_to_postgres(home, STAGES)
