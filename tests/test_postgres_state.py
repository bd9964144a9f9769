"""The data chain on drawn people: the same in SQLite and in Postgres, and after `kill -9`."""

from pathlib import Path

import pytest

from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.stages.registry import CLIP_TABLES
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state_store import VARIABLE

from .test_crash import Runs, check_kills, entries, rows


@pytest.mark.slow
def test_ledger_and_tables_are_the_same_in_both(tmp_path: Path, monkeypatch, postgres_address: str):
    write_corpus(tmp_path / "videos", 2, 2.0, size=160)
    made = {}
    for name in ("sqlite", "postgres"):
        if name == "postgres":
            monkeypatch.setenv(VARIABLE, postgres_address)
        runs = Runs(tmp_path / "videos", tmp_path / name, through_dagster=False)
        runs.finish()
        home = Home(runs.home)
        made[name] = entries(home), [rows(home, table) for table in CLIP_TABLES]
        assert home.ledger.exists() == (name == "sqlite")
    assert made["sqlite"] == made["postgres"] and made["sqlite"][0]


@pytest.mark.slow
def test_two_kills(tmp_path: Path, postgres: str):
    write_corpus(tmp_path / "videos", 2, 2.0, size=160)
    check_kills(tmp_path / "videos", tmp_path, 2, seed=0)


@pytest.mark.slow
def test_a_whole_command(tmp_path: Path, postgres: str):
    """Through Dagster, with its events in Postgres; the second run finds everything done, as the first has entered it."""
    from .toy_home import swaptalk

    write_corpus(tmp_path / "videos", 2, 2.0, size=160)
    command = (
        "run",
        "--preset",
        "tiny",
        "--videos",
        tmp_path / "videos",
        "--home",
        tmp_path / "home",
        "--until",
        "mels",
    )
    swaptalk(*command)
    home = Home(tmp_path / "home")
    before = entries(home)
    assert before and not list(home.root.rglob("*.db")) and not home.ledger.exists()
    swaptalk(*command)
    assert entries(home) == before
    assert "mels" in swaptalk("status", "--home", home.root)
