"""Where a home's state lies: what the environment and the home say, without any database."""

import sqlite3
import subprocess
import sys

import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.state_store import VARIABLE, marker_file, schema_of, write_marker
from swaptalk_models.errors import UserError

ADDRESS = "postgresql://me:not-to-be-shown@localhost:1/none"


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.mark.parametrize("address", ["mysql://me:not-to-be-shown@host/db", "not-to-be-shown", "host/db"])
def test_an_address_of_something_else_is_refused_and_not_shown(home, monkeypatch, address):
    monkeypatch.setenv(VARIABLE, address)
    with pytest.raises(UserError, match="no address of a Postgres database") as error:
        Ledger(home.ledger)
    assert "not-to-be-shown" not in str(error.value)


def test_a_ledger_in_the_home_is_not_passed_over(home, monkeypatch):
    with Ledger(home.ledger):
        pass
    monkeypatch.setenv(VARIABLE, ADDRESS)
    for work in (lambda: Ledger(home.ledger), lambda: home.has_ledger, lambda: home.writing("clips")):
        with pytest.raises(UserError, match=f"ledger.sqlite, but {VARIABLE} names .*--move-to postgres"):
            work()


def test_a_ledger_in_postgres_is_not_passed_over(home, monkeypatch):
    write_marker(home.root, "swaptalk_1", lambda aside: None)
    for work in (lambda: Ledger(home.ledger), lambda: home.has_ledger, lambda: home.update_state(preset="tiny")):
        with pytest.raises(UserError, match=f"lies in Postgres .schema swaptalk_1.: set {VARIABLE}"):
            work()
    assert not home.ledger.exists()
    monkeypatch.setenv(VARIABLE, ADDRESS)
    assert schema_of(home.root) == "swaptalk_1" and home.has_ledger


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": "a; DROP TABLE work"}'])
def test_a_damaged_file_is_named(home, monkeypatch, text):
    monkeypatch.setenv(VARIABLE, ADDRESS)
    marker_file(home.root).write_text(text)
    with pytest.raises(UserError, match="state_in_postgres.json: damaged"):
        schema_of(home.root)


def test_of_two_that_name_a_schema_the_first_one_stands(home, monkeypatch):
    monkeypatch.setenv(VARIABLE, ADDRESS)
    assert write_marker(home.root, "swaptalk_1", lambda aside: None)
    assert not write_marker(home.root, "swaptalk_2", lambda aside: None)
    assert schema_of(home.root) == "swaptalk_1"
    assert write_marker(home.root, "swaptalk_2", lambda aside: None, replace=True)
    assert schema_of(home.root) == "swaptalk_2" and not list(home.root.glob(".*.part"))


def test_ledgers_of_earlier_versions_are_read(home):
    """Made before there was another database: columns of other names for the same kinds."""
    old = sqlite3.connect(home.ledger)
    old.execute(
        "CREATE TABLE runs (run TEXT, stage TEXT, computed INTEGER, cached INTEGER, quarantined INTEGER, seconds REAL, "
        "updated_at REAL, PRIMARY KEY (run, stage)) WITHOUT ROWID"
    )
    old.execute("INSERT INTO runs VALUES ('r', 'clips', 1, 2, 3, 0.5, 1.0)")
    old.commit()
    old.close()
    with Ledger(home.ledger) as ledger:
        assert ledger.last_run()["clips"].cached == 2 and ledger.paces() == {"clips": (1, 0.5)}


def test_nothing_of_postgres_is_imported_without_the_variable(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from swaptalk_models.data.store.home import Home; from swaptalk_models.data.store.ledger import Ledger\n"
        "import pipelines.definitions\n"
        "from pipelines.instance import open_instance\n"
        "home = Home(Path(sys.argv[1])).create()\n"
        "with home.writing('clips'), Ledger(home.ledger): pass\n"
        "with open_instance(home.root): pass\n"
        "print([name for name in sys.modules if name.startswith(('psycopg', 'dagster_postgres'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "home"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_named(home, monkeypatch):
    monkeypatch.setenv(VARIABLE, ADDRESS)
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(UserError, match=r"pip install 'swaptalk\[postgres\]'"):
        Ledger(home.ledger)
