"""Every home has an instance of its own, from any working directory."""

import uuid
from pathlib import Path

import dagster as dg
import pytest
import yaml
from alembic.script import ScriptDirectory

from pipelines import instance
from swaptalk_models.errors import UserError


@pytest.fixture(autouse=True)
def no_dagster_home(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def test_checkouts_dagster_yaml_has_our_settings():
    config = yaml.safe_load((instance.CHECKOUT / "dagster.yaml").read_text())
    storage = {config.pop(name).__class__ for name in ("storage", "local_artifact_storage", "compute_logs")}
    assert storage == {dict}
    assert config == instance.SETTINGS


def test_default_home_of_the_checkout_uses_the_checkouts_instance():
    assert instance.instance_folder(instance.CHECKOUT / "data") == instance.CHECKOUT


def test_other_homes_have_their_own(tmp_path):
    assert instance.instance_folder(tmp_path) == tmp_path / "dagster"


def test_dagster_home_overrides(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "mine"))
    assert instance.instance_folder(tmp_path / "home") == tmp_path / "mine"


def test_partitions_of_two_homes_do_not_mix(tmp_path):
    for name in ("one", "two"):
        with instance.open_instance(tmp_path / name) as opened:
            opened.add_dynamic_partitions("videos", [name])
    with instance.open_instance(tmp_path / "one") as opened:
        assert opened.get_dynamic_partitions("videos") == ["one"]
        assert not opened.telemetry_enabled


def test_an_instance_that_is_opened_again_reads_no_migrations(tmp_path, monkeypatch):
    with instance.open_instance(tmp_path) as opened:
        reference = opened.get_ref()
    read = []
    monkeypatch.setattr(ScriptDirectory, "_load_revisions", lambda self: iter(read.append(self) or ()))
    with dg.DagsterInstance.from_ref(reference) as again:
        assert again.get_runs() == [] and again.all_instigator_state() == []
        assert again.get_latest_materialization_event(dg.AssetKey("mels")) is None
    assert read == []


def test_relative_storage_is_taken_from_the_instances_folder(tmp_path, monkeypatch):
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "dagster.yaml").write_text((instance.CHECKOUT / "dagster.yaml").read_text())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with instance.open_instance(tmp_path / "home") as opened:
        opened.add_dynamic_partitions("videos", ["a"])
        assert Path(opened.root_directory) == folder / ".dagster_storage"
    assert list(elsewhere.iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == [".dagster_storage", "dagster.yaml"]


def test_a_file_in_the_way_is_the_users_to_move(tmp_path):
    (tmp_path / "dagster").write_text("")
    with pytest.raises(UserError, match="dagster: cannot hold a Dagster instance"):
        instance.prepare(tmp_path)


@pytest.mark.parametrize("settings", ["", (instance.CHECKOUT / "dagster.yaml").read_text()])
def test_databases_of_a_run_are_held_open_wherever_they_are(tmp_path, monkeypatch, settings):
    """The run's own, that of all runs' assets, and that of the runs: their logs are not written back meanwhile."""
    folder = tmp_path / "home" / "dagster"
    folder.mkdir(parents=True)
    if settings:
        (folder / "dagster.yaml").write_text(settings)
    run_id = str(uuid.uuid4())
    with instance.open_instance(tmp_path / "home") as opened:
        with instance.held_open(opened, run_id):
            opened.add_dynamic_partitions("videos", ["a"])
            opened.report_runless_asset_event(dg.AssetMaterialization("clips"))
            logs = {path.name for path in folder.rglob("*.db-wal")}
            assert {"index.db-wal", "runs.db-wal", f"{run_id}.db-wal"} <= logs
            assert opened.get_dynamic_partitions("videos") == ["a"], "and nothing is locked"
        assert not list(folder.rglob(f"{run_id}.db-wal"))
        assert opened.get_latest_materialization_event(dg.AssetKey("clips"))


def test_our_settings_of_an_earlier_version_are_renewed_and_those_of_a_user_are_left(tmp_path):
    config = tmp_path / "dagster" / "dagster.yaml"
    config.parent.mkdir()
    for written, expected in ((instance._EARLIER, instance.SETTINGS), ({"telemetry": {"enabled": False}},) * 2):
        config.write_text(yaml.safe_dump(written))
        instance.prepare(tmp_path)
        assert yaml.safe_load(config.read_text()) == expected
