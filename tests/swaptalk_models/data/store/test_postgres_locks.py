"""Locks in Postgres: free when their holder dies, and fenced against one that was only cut off."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from swaptalk_models.data.store import postgres_locks as module
from swaptalk_models.data.store import postgres_session
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.data.store.postgres_home import postgres_home
from swaptalk_models.data.store.state_store import VARIABLE as STATE
from swaptalk_models.errors import UserError

from ....postgres_server import postgres_server, programs, restart

HOLD = (
    "import sys, time; from pathlib import Path; from swaptalk_models.data.store.home import Home\n"
    "with Home(Path(sys.argv[1])).writing('clips'): print('held', flush=True); time.sleep(60)"
)
WRITE_WHEN_TOLD = """
import sys
from pathlib import Path
from swaptalk_models.data.store import postgres_session
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Entry, Ledger
from swaptalk_models.errors import UserError

postgres_session.WATCH_S = postgres_session.PATIENCE_S = 3600.0  # what is tested is one that does not know yet
home = Home(Path(sys.argv[1]))
try:
    with home.writing("clips"), Ledger(home.ledger) as ledger:
        print("held", flush=True)
        sys.stdin.readline()
        ledger.commit([Entry("clips", "late", "v", "f", "i", "1", "p", "ok")])
except UserError as error:
    print(error, flush=True)
"""


@pytest.fixture
def home(tmp_path, postgres) -> Home:
    return Home(tmp_path / "home").create()


def entry(clip: str, stage: str = "clips") -> Entry:
    return Entry(stage, clip, "v", "f", "i", "1", "p", OK)


def cut_off(home: Home, locks_only: bool = False) -> None:
    """End the connections of others: all, or only those that hold a lock."""
    which = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')" if locks_only else "TRUE"
    place = postgres_home(home.root)
    with contextlib.closing(place.connect()) as connection:
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'swaptalk' "
            f"AND pid <> pg_backend_pid() AND {which}"
        )


@contextlib.contextmanager
def process(code: str, home: Home):
    started = subprocess.Popen(
        [sys.executable, "-c", code, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert started.stdout.readline() == "held\n"
        yield started
    finally:
        started.kill()
        started.communicate()


def test_a_killed_holder_frees_its_lock_in_milliseconds(home):
    with process(HOLD, home) as holder:
        with pytest.raises(UserError, match=f"pid {holder.pid} on "), home.writing("clips"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        killed = time.monotonic()
        while True:
            with contextlib.suppress(UserError), home.writing("clips") as unclean:
                break
            assert time.monotonic() < killed + 5
            time.sleep(0.002)
        print(f"free after {1000 * (time.monotonic() - killed):.0f} ms")
        assert unclean and time.monotonic() - killed < 2


def test_one_that_was_cut_off_cannot_commit_after_another(home):
    with process(WRITE_WHEN_TOLD, home) as late:
        cut_off(home, locks_only=True)  # its ledger's connection lives on
        with home.writing("clips") as unclean, Ledger(home.ledger) as ledger:
            assert unclean
            ledger.commit([entry("mine")])
        said, _ = late.communicate("go on\n")
        assert f"another one (pid {os.getpid()} on " in said and "has been at work on clips since" in said
    with Ledger(home.ledger) as ledger:
        assert list(ledger.entries("clips")) == ["mine"]
    with home.writing("clips") as unclean:
        assert unclean, "it may have written rows that the ledger does not know"
    with home.writing("clips") as unclean:
        assert not unclean


def test_one_that_was_cut_off_cannot_commit_while_another_is_at_work(home):
    with process(WRITE_WHEN_TOLD, home) as late:
        cut_off(home, locks_only=True)
        with home.writing("clips"):
            said, _ = late.communicate("go on\n")
            assert "cut off" in said
            with Ledger(home.ledger) as ledger:
                ledger.commit([entry("mine")])
    with Ledger(home.ledger) as ledger:
        assert list(ledger.entries("clips")) == ["mine"]


def test_one_whose_connections_were_cut_goes_on_where_nobody_else_was_at_work(home):
    with process(WRITE_WHEN_TOLD, home) as late:
        cut_off(home)
        said, _ = late.communicate("go on\n")
        assert said == ""
    with Ledger(home.ledger) as ledger:
        assert list(ledger.entries("clips")) == ["late"]
    with home.writing("clips") as unclean:
        assert not unclean, "it ended well"


def test_who_reads_what_was_written_meanwhile_cannot_commit(home):
    with pytest.raises(UserError, match="cut off .* at work on clips"):  # noqa: SIM117 - what is within must not raise it
        with home.writing("mels", reads=("clips",)), Ledger(home.ledger) as ledger:
            ledger.commit([entry("before", "mels")])
            cut_off_here()
            with process(HOLD, home):
                pass
            ledger.commit([entry("after", "mels")])
    with Ledger(home.ledger) as ledger:
        assert list(ledger.entries("mels")) == ["before"]


def cut_off_here() -> None:
    """Free the locks of this process as the server does when it has lost it."""
    for held in module._all_held:
        held.connection.close()


def test_a_lock_that_nobody_took_meanwhile_is_no_reason_to_lose_work(home):
    with home.writing("clips"):
        cut_off_here()
        with Ledger(home.ledger) as ledger:
            ledger.commit([entry("mine")])
    with Ledger(home.ledger) as ledger:
        assert list(ledger.entries("clips")) == ["mine"]
    with home.writing("clips") as unclean:
        assert not unclean


@pytest.fixture
def watchful(monkeypatch):
    monkeypatch.setattr(postgres_session, "WATCH_S", 0.05)


def test_locks_that_were_lost_are_taken_again(home, watchful):
    """Those that are read, too, and those of who waits."""
    with home.writing("mels", reads=("clips",)), home.waiting("run/1"):
        cut_off_here()
        cut_off(home, locks_only=True)
        until(lambda: home.is_held("mels") and home.is_held("run/1"))
        with pytest.raises(UserError, match="at work on clips"), home.writing("clips"):
            pass
        home.confirm()
    assert not home.is_held("mels") and not home.is_held("run/1")
    with home.writing("clips") as unclean:
        assert not unclean


def test_locks_that_another_has_had_are_not_taken_again(home, watchful):
    with pytest.raises(UserError, match="cut off .* at work on clips"), home.writing("clips"):
        place = postgres_home(home.root)
        with contextlib.closing(place.connect()) as connection:
            connection.cursor().execute("UPDATE locks SET token = token + 1, holder = '1 on elsewhere'")
        cut_off_here()
        until(lambda: module._all_held[-1].lost)
        assert not home.is_held("clips"), "whoever comes next need not wait"


def test_a_server_that_is_started_again_stops_nobody(tmp_path, monkeypatch):
    """One of this test's own."""
    folder = programs()
    if folder is None:
        pytest.skip("no Postgres server to be started: apt-get install postgresql")
    with postgres_server(folder) as address:
        monkeypatch.setenv(STATE, address)
        home = Home(tmp_path / "home").create()
        with home.writing("clips"), home.waiting("run/1"), Ledger(home.ledger) as ledger:
            ledger.commit([entry("before")])
            with contextlib.closing(postgres_home(home.root).connect()) as connection, connection.cursor() as cursor:
                cursor.execute("SHOW data_directory")
                data = cursor.fetchone()[0]
            restart(folder, data)
            assert not home.locks_in_use.settled()
            ledger.commit([entry("after")])
            until(lambda: home.is_held("clips") and home.is_held("run/1"), 20)
            with pytest.raises(UserError, match="at work on clips"), home.writing("clips"):
                pass
        with home.writing("clips") as unclean, Ledger(home.ledger) as ledger:
            assert not unclean and list(ledger.entries("clips")) == ["after", "before"]


def until(holds, seconds: float = 10.0) -> None:
    last = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.02)


def test_what_appears_beside_the_ledger_is_fenced_too(home):
    home.confirm()
    with pytest.raises(UserError, match="cut off"), home.writing("vqgan"):
        home.confirm()
        cut_off_here()
        with process(HOLD.replace("clips", "vqgan"), home):
            pass
        home.confirm()


def test_tokens_rise_and_are_never_given_twice(home):
    seen = []
    for _ in range(3):
        with home.writing("clips"):
            seen.append(module._all_held[-1].tokens["clips"])
    with home.held("clips", "mels"):
        seen.append(module._all_held[-1].tokens["clips"])
    assert seen == [1, 2, 3, 4] and module._all_held == []


def test_of_two_that_hold_something_short_one_waits(home):
    code = HOLD.replace("writing('clips')", "waiting('clips')")
    with process(code, home) as holder:
        assert home.is_held("clips") and not home.is_held("mels")
        holder.kill()
        with home.waiting("clips"):
            assert home.is_held("clips")
    assert not home.is_held("clips")
