"""A home's schema in Postgres: whose it is, and what is said of a database that cannot be used."""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from swaptalk_models.data.store import postgres as server
from swaptalk_models.data.store import postgres_home as module
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.data.store.ledger_move import make_own_copy, take_over
from swaptalk_models.data.store.state_store import VARIABLE, marker_file, read_marker
from swaptalk_models.data.store.stored_index import StoredIndex
from swaptalk_models.errors import UserError

from ....postgres_server import PASSWORD


def forget() -> None:
    server.forget_servers()
    module.forget_homes()


@pytest.fixture(autouse=True)
def anew(postgres):
    forget()


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


def enter(home: Home, clip: str) -> None:
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("clips", clip, clip[0], "f", "i", "1", "p", OK)])


def entered(home: Home) -> list[str]:
    with Ledger(home.ledger) as ledger:
        return list(ledger.entries("clips"))


def refused(home: Home, why: str) -> str:
    forget()
    with pytest.raises(UserError, match=why) as error:
        Ledger(home.ledger)
    said = str(error.value)
    assert PASSWORD not in said and "\n" not in said
    return said


def test_homes_of_one_database_do_not_see_each_other(tmp_path):
    one, two = Home(tmp_path / "one").create(), Home(tmp_path / "two").create()
    assert not one.has_ledger
    enter(one, "a_0")
    enter(two, "b_0")
    assert entered(one) == ["a_0"] and entered(two) == ["b_0"] and one.has_ledger
    with one.writing("clips"), two.writing("clips"):
        pass
    assert not one.ledger.exists()


def test_the_home_keeps_no_address_and_no_password(home, postgres):
    enter(home, "a_0")
    with home.writing("clips"):
        kept = [path.read_text() for path in home.root.rglob("*") if path.is_file()]
    assert not any(PASSWORD in text or "127.0.0.1" in text for text in kept)
    assert PASSWORD not in repr(module.postgres_home(home.root)) and PASSWORD not in server.shown(postgres)


def test_names_come_in_the_order_of_bytes_as_in_sqlite(home):
    names = ["Zoe", "adam", "Ämy", "eve 2", "eve-1", "_x"]
    for name in names:
        enter(home, name)
    assert entered(home) == sorted(names)
    with Ledger(home.ledger) as ledger:
        ledger.begin("mels", names)
        assert ledger.pending("mels") == sorted(names)


def test_a_reason_may_hold_any_byte(home):
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("clips", "a", "a", "f", "i", "1", "p", "quarantined", "bad \0 byte, 100% %s ?")])
        assert ledger.quarantine()[0].reason == "bad \N{REPLACEMENT CHARACTER} byte, 100% %s ?"


def test_processes_that_make_the_ledger_at_once_make_one(home, postgres):
    code = (
        "import sys; from pathlib import Path; from swaptalk_models.data.store.ledger import Entry, Ledger\n"
        "with Ledger(Path(sys.argv[1])) as ledger: ledger.commit([Entry('clips', sys.argv[2], 'v', 'f', 'i', '1', 'p', 'ok')])"
    )
    before = schemas(postgres)
    started = [subprocess.Popen([sys.executable, "-c", code, str(home.ledger), name]) for name in "abc"]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert entered(home) == ["a", "b", "c"]
    schema = read_marker(home.root)
    assert schemas(postgres) - before == {schema, f"{schema}_dagster"}


def schemas(address: str) -> set[str]:
    with contextlib.closing(server.connect(address)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'swaptalk%'")
        return {name for (name,) in cursor.fetchall()}


def test_a_home_may_be_moved(home, tmp_path):
    enter(home, "a_0")
    moved = Home(home.root.rename(tmp_path / "elsewhere"))
    forget()
    assert entered(moved) == ["a_0"]
    shutil.copytree(moved.root, tmp_path / "other disk")  # a move over file systems: copied, then removed
    shutil.rmtree(moved.root)
    forget()
    assert entered(Home(tmp_path / "other disk")) == ["a_0"]


def test_a_copy_does_not_write_into_the_ledger_of_the_other(home, tmp_path):
    enter(home, "a_0")
    shutil.copytree(home.root, tmp_path / "copy")
    copy = Home(tmp_path / "copy")
    said = refused(copy, f"is a copy of {home.root} on .*--own-copy.*--take-over")
    assert read_marker(home.root) in said
    make_own_copy(copy)
    enter(copy, "b_0")
    assert entered(copy) == ["a_0", "b_0"] and entered(home) == ["a_0"]
    with copy.writing("clips") as unclean:
        assert not unclean, "nobody has ever written there"


def test_a_copy_of_a_home_of_an_earlier_version_gets_a_ledger_of_this_one(home, tmp_path):
    enter(home, "a_0")
    with contextlib.closing(module.postgres_home(home.root).connect()) as connection:
        connection.cursor().execute("DROP TABLE stored, changes, settled; UPDATE home SET layout = 1")
    shutil.copytree(home.root, tmp_path / "copy")
    forget()
    make_own_copy(Home(tmp_path / "copy"))
    enter(Home(tmp_path / "copy"), "b_0")
    assert entered(Home(tmp_path / "copy")) == ["a_0", "b_0"]


def test_a_copy_whose_original_is_gone_takes_over(home, tmp_path, monkeypatch):
    enter(home, "a_0")
    shutil.copytree(home.root, tmp_path / "copy")
    monkeypatch.setattr(module.socket, "gethostname", lambda: "another")
    refused(Home(tmp_path / "copy"), "is a copy of")
    take_over(Home(tmp_path / "copy"))
    forget()
    assert entered(Home(tmp_path / "copy")) == ["a_0"]
    refused(home, "is a copy of")


def test_a_server_that_is_not_there(home, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"postgresql://me:{PASSWORD}@127.0.0.1:1/none")
    refused(home, r"postgresql://me@127.0.0.1:1/none: cannot be reached .*[Cc]onnection refused")


def test_a_wrong_password_and_a_database_that_is_not_there(home, monkeypatch, postgres):
    monkeypatch.setenv(VARIABLE, postgres.replace(PASSWORD, "wrong"))
    assert "wrong" not in refused(home, "password authentication failed")
    monkeypatch.setenv(VARIABLE, postgres.replace("/postgres", "/none"))
    refused(home, 'database "none" does not exist')


@pytest.mark.parametrize("password", ["a@b", "a/b:c", "a%zz", "a#b?c"])
def test_a_password_that_is_not_quoted_is_not_shown_in_parts(home, monkeypatch, password):
    monkeypatch.setenv(VARIABLE, f"postgresql://me:{password}@127.0.0.1:1/none")
    with pytest.raises(UserError) as error:
        Ledger(home.ledger)
    assert password not in str(error.value) and not any(f"{part}@" in str(error.value) for part in ("b", "c", "zz"))


def test_a_server_that_is_too_old(home, monkeypatch):
    monkeypatch.setattr(server, "OLDEST_SERVER", 99)
    refused(home, r"the server is Postgres \d+\.\d+; the state wants 99 or newer")


def test_a_database_that_does_not_hold_every_name(home, monkeypatch, postgres):
    with contextlib.closing(server.connect(postgres)) as connection:
        connection.cursor().execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    monkeypatch.setenv(VARIABLE, postgres.replace("/postgres", "/latin"))
    refused(home, "is in LATIN1.*createdb --encoding=UTF8")


def test_a_user_that_may_make_no_schema(home, monkeypatch, postgres):
    with contextlib.closing(server.connect(postgres)) as connection:
        connection.cursor().execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    monkeypatch.setenv(VARIABLE, postgres.replace("swaptalk:", "guest:"))
    refused(home, "permission denied.*GRANT CREATE ON DATABASE")
    assert not marker_file(home.root).exists()


def test_another_database_than_before(home, monkeypatch, postgres):
    enter(home, "a_0")
    with contextlib.closing(server.connect(postgres)) as connection:
        connection.cursor().execute("CREATE DATABASE second")
    monkeypatch.setenv(VARIABLE, postgres.replace("/postgres", "/second"))
    refused(home, f"has no ledger of {home.root} .*names another database")
    monkeypatch.setenv(VARIABLE, postgres)
    assert entered(home) == ["a_0"]


def test_a_ledger_of_a_later_version(home):
    enter(home, "a_0")
    place = module.postgres_home(home.root)
    with contextlib.closing(place.connect()) as connection:
        connection.cursor().execute("UPDATE home SET layout = 99")
    refused(home, "made by a later version")


def test_a_ledger_of_an_earlier_version_is_brought_up_to_date(home):
    with Ledger(home.ledger) as ledger:
        ledger.commit([Entry("clips", "c", "v", "f", "i", "1", "p", OK)])
    with contextlib.closing(module.postgres_home(home.root).connect()) as connection:
        connection.cursor().execute("DROP TABLE stored, changes, settled; UPDATE home SET layout = 1")
    forget()
    with StoredIndex(home.root) as index, Ledger(home.ledger) as ledger:
        assert index.all() == {} and list(ledger.entries("clips")) == ["c"]


def test_many_homes_of_one_process_leave_the_server_its_places(tmp_path, postgres):
    homes = [Home(tmp_path / str(number)).create() for number in range(12)]
    for home in homes:
        enter(home, "a_0")
    assert all(entered(home) == ["a_0"] for home in homes)
    with contextlib.closing(server.connect(postgres)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'swaptalk' AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] <= module._MOST_IDLE


def test_what_the_server_has_ended_is_opened_anew(home):
    enter(home, "a_0")
    place = module.postgres_home(home.root)
    with contextlib.closing(place.connect()) as connection:
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'swaptalk' AND pid <> pg_backend_pid()"
        )
    enter(home, "b_0")
    assert entered(home) == ["a_0", "b_0"]


def test_a_forked_child_does_not_speak_through_its_parents_connection(home):
    enter(home, "a_0")
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            enter(home, "b_0")
            code = 0
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    enter(home, "c_0")
    assert entered(home) == ["a_0", "b_0", "c_0"]
