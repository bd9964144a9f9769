"""Dagster's storage of a home whose state lies in Postgres."""

import json
import os
import shutil
import subprocess
import sys

import dagster as dg
import pytest
import yaml

from pipelines import instance
from pipelines.cli.dev import prepare_dev
from pipelines.home_storage import storage_address
from pipelines.instance import open_instance
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state_store import VARIABLE, read_marker
from swaptalk_models.errors import UserError

from ..postgres_server import PASSWORD


@pytest.fixture(autouse=True)
def no_dagster_home(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def make(root) -> Home:
    return Home(root).create()


def test_runs_events_and_partitions_are_in_the_homes_schema(tmp_path, postgres):
    for name in ("one", "two"):
        home = make(tmp_path / name)
        with open_instance(home.root) as opened:
            opened.add_dynamic_partitions("videos", [name])
            opened.report_runless_asset_event(dg.AssetMaterialization("clips"))
            storages = (opened.run_storage, opened.event_log_storage, opened.schedule_storage)
            assert all("Postgres" in type(one).__name__ for one in storages), storages
        assert not list(home.root.rglob("*.db"))
    with open_instance(tmp_path / "one") as opened:
        assert opened.get_dynamic_partitions("videos") == ["one"]
        assert opened.get_latest_materialization_event(dg.AssetKey("clips"))
        assert not opened.telemetry_enabled


def test_the_settings_hold_a_schema_and_no_secret(tmp_path, postgres):
    home = make(tmp_path / "home")
    with open_instance(home.root) as opened:
        told = json.dumps(opened.get_ref().to_dict())
    text = (home.root / "dagster" / "dagster.yaml").read_text()
    assert yaml.safe_load(text)["storage"]["custom"]["config"] == {"schema": f"{read_marker(home.root)}_dagster"}
    assert PASSWORD not in text + told and "127.0.0.1" not in text + told


def test_the_uis_processes_find_it_by_the_environment(tmp_path, postgres):
    home = make(tmp_path / "home")
    with open_instance(home.root) as opened:
        opened.add_dynamic_partitions("videos", ["a"])
    folder, arguments, environment = prepare_dev(home.root, 3999)
    assert PASSWORD not in str(arguments) and environment[VARIABLE] == postgres
    code = "import dagster as dg\nwith dg.DagsterInstance.get() as one: print(one.get_dynamic_partitions('videos'))"
    assert "['a']" in said(code, folder, environment)
    environment.pop(VARIABLE)
    assert f"set {VARIABLE} to that database's address" in said(code, folder, environment)


def said(code: str, folder, environment) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_checkouts_default_home_has_an_instance_of_its_own_then(monkeypatch, postgres_address):
    data = instance.CHECKOUT / "data"
    assert instance.instance_folder(data) == instance.CHECKOUT
    monkeypatch.setenv(VARIABLE, postgres_address)
    assert instance.instance_folder(data) == data / "dagster"


def test_a_users_settings_stay_and_the_storage_comes_and_goes(tmp_path, monkeypatch, postgres_address):
    home = make(tmp_path / "home")
    config = home.root / "dagster" / "dagster.yaml"
    config.parent.mkdir()
    config.write_text(yaml.safe_dump({"telemetry": {"enabled": False}}))
    monkeypatch.setenv(VARIABLE, postgres_address)
    instance.prepare(home.root)
    assert yaml.safe_load(config.read_text()).keys() == {"telemetry", "storage"}
    monkeypatch.delenv(VARIABLE)
    (home.root / "state_in_postgres.json").unlink()
    instance.prepare(home.root)
    assert yaml.safe_load(config.read_text()) == {"telemetry": {"enabled": False}}
    own = {"storage": {"sqlite": {"base_dir": str(tmp_path)}}}
    config.write_text(yaml.safe_dump(own))
    monkeypatch.setenv(VARIABLE, postgres_address)
    instance.prepare(home.root)
    assert yaml.safe_load(config.read_text()) == own, "whoever names a place is taken at his word"


def test_an_instance_that_dagster_home_names_is_left_alone(tmp_path, monkeypatch, postgres):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "mine"))
    instance.prepare(tmp_path / "home")
    assert "storage" not in yaml.safe_load((tmp_path / "mine" / "dagster.yaml").read_text())


def test_a_server_that_is_gone_is_one_line(tmp_path, monkeypatch, postgres):
    home = make(tmp_path / "home")
    with open_instance(home.root):
        pass
    monkeypatch.setenv(VARIABLE, f"postgresql://me:{PASSWORD}@127.0.0.1:1/none")
    with pytest.raises(UserError, match="cannot be reached") as error, open_instance(home.root):
        pass
    assert PASSWORD not in str(error.value)


def test_a_copied_home_does_not_share_events(tmp_path, postgres):
    home = make(tmp_path / "home")
    with open_instance(home.root):
        pass
    shutil.copytree(home.root, tmp_path / "copy")
    with pytest.raises(UserError, match="is a copy of"):
        open_and_close(tmp_path / "copy")


def open_and_close(root) -> None:
    with open_instance(root):
        pass


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_addresses_keep_their_parameters(scheme):
    made = storage_address(f"{scheme}://me:p%40w@host:5433/db?sslmode=require&options=-c%20work_mem%3D9MB", "s_dagster")
    assert made.startswith("postgresql+psycopg2://me:p%40w@host:5433/db?")
    assert "sslmode=require" in made and "work_mem%3D9MB+-c+search_path%3Ds_dagster" in made.replace("%20", "+")
    assert os.environ.get(VARIABLE) is None
