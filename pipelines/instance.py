"""Which Dagster instance a home belongs to.

Partitions (the videos) are kept by the instance, so each home has an instance of its own: the repo root for the
default home of a checkout (`<repo>/data`), `HOME/dagster` for every other one, and for all whose state lies in Postgres
(`home_storage.py`). A DAGSTER_HOME that is set overrides all of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from swaptalk_models.data.store.state_store import postgres_address
from swaptalk_models.errors import UserError
from swaptalk_models.talks.places import default_home, marks_folder

__all__ = ["default_home", "marks_folder"]  # of homes, as all here

if TYPE_CHECKING:
    import dagster as dg

CHECKOUT = Path(__file__).resolve().parent.parent
_EARLIER = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
    "concurrency": {"pools": {"default_limit": 1}, "runs": {"max_concurrent_runs": 2}},
    "run_monitoring": {"enabled": True, "free_slots_after_run_end_seconds": 60},
    "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
}
"""What homes of an earlier version have."""
# dagster.yaml of the checkout says the same, and where in the checkout the storage lies.
SETTINGS = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},  # its window asking for a mail address
    "concurrency": {
        "pools": {"default_limit": 1},
        # Of those that write the home (jobs.HOME_TAG), one at a time.
        "runs": {"max_concurrent_runs": 2, "tag_concurrency_limits": [{"key": "swaptalk/home", "limit": 1}]},
    },
    "run_monitoring": {"enabled": True, "free_slots_after_run_end_seconds": 60},
    "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
    # A sensor ticks every half a minute, for months.
    "retention": {
        "schedule": {"purge_after_days": 90},
        "sensor": {"purge_after_days": {"skipped": 2, "success": 90, "failure": 90}},
    },
}
# Without these a run over hundreds of videos spends most of its time on writing events one by one.
EVENTS_IN_BATCHES = {"DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "1", "DAGSTER_EVENT_BATCH_SIZE": "500"}
_IN_POSTGRES = {"module": "pipelines.home_storage", "class": "HomeStorage"}
_STORAGES = {"storage", "run_storage", "event_log_storage", "schedule_storage"}
"""Settings of a dagster.yaml that say where its events go."""
_NO_COMPUTE_LOGS = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}


def instance_folder(home: Path) -> Path:
    """The DAGSTER_HOME of this home. Nothing is made."""
    if os.environ.get("DAGSTER_HOME"):
        return Path(os.environ["DAGSTER_HOME"]).expanduser().absolute()
    if (
        not postgres_address()
        and (CHECKOUT / "dagster.yaml").is_file()
        and home.resolve() == (CHECKOUT / "data").resolve()
    ):
        return CHECKOUT
    return home.absolute() / "dagster"


def prepare(home: Path) -> Path:
    """Make the folder of a home's instance, with our settings unless it has its own; ours of an earlier version are renewed. Where the
    home's state lies, there go Dagster's events, too, unless the instance's settings name a place of their own.

    Raises:
        UserError: it cannot be made, or the state's database cannot be used.
    """
    folder = instance_folder(home)
    config = folder / "dagster.yaml"
    there = (yaml.safe_load(config.read_text()) or {}) if config.is_file() else None
    settings = SETTINGS if there is None or _without_ours(there) == _EARLIER else _without_ours(there)
    if folder == home.absolute() / "dagster" and not settings.keys() & _STORAGES:
        settings = settings | _storage(home)
    if settings != there:
        _write(config, settings)
    return folder


def _storage(home: Path) -> dict[str, Any]:
    if not postgres_address():
        return {}
    from swaptalk_models.data.store.postgres_home import postgres_home

    place = postgres_home(home)
    assert place is not None
    place.give_back(place.borrow())  # whether it can be used, and by this folder
    return {"storage": {"custom": _IN_POSTGRES | {"config": {"schema": place.dagster_schema}}}}


def _without_ours(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without a storage that we have put there."""
    custom = (settings.get("storage") or {}).get("custom") or {}
    ours = custom.get("class") == _IN_POSTGRES["class"]
    return {name: value for name, value in settings.items() if name != "storage" or not ours}


def workspace_file(folder: Path) -> Path:
    """The file that tells `dagster dev` in this instance's folder where the definitions are; made, if there is none.

    It names the folder of these very packages, which Dagster puts first on the path: a checkout, or site-packages.
    """
    if folder == CHECKOUT:
        return CHECKOUT / "workspace.yaml"
    module = {"module_name": "pipelines.definitions", "location_name": "swaptalk", "working_directory": str(CHECKOUT)}
    path = folder / "swaptalk_workspace.yaml"
    _write(path, {"load_from": [{"python_module": module}]})
    return path


@contextmanager
def held_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keep an idle connection to each database that a run writes its events to.

    SQLite writes a database's log back whenever its last connection closes, and Dagster opens and closes one for each
    event: a quarter of the time of a run that finds everything done.
    """
    instance.all_logs(run_id)  # makes the run's own database
    folder = Path(instance.root_directory) / "history"
    with ExitStack() as held:
        for path in (folder / "runs.db", folder / "runs" / "index.db", folder / "runs" / f"{run_id}.db"):
            if path.is_file():  # else this instance keeps its events elsewhere
                connection = held.enter_context(closing(sqlite3.connect(path)))
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of a home, from any working directory.

    It does not catch what steps print, as the UI's does: that would take the terminal away from the progress bars.
    """
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    from pipelines.migrations import read_migrations_once

    read_migrations_once()
    for name, value in EVENTS_IN_BATCHES.items():
        os.environ.setdefault(name, value)
    folder = prepare(home)
    ref = InstanceRef.from_dir(str(folder), overrides=_absolute(folder) | {"compute_logs": _NO_COMPUTE_LOGS})
    with dg.DagsterInstance.from_ref(ref) as instance:
        yield instance


def compute_logs_folder(home: Path) -> Path:
    """Where the UI's runs keep what their steps print: a folder for each."""
    folder = instance_folder(home)
    config = yaml.safe_load((folder / "dagster.yaml").read_text()) if (folder / "dagster.yaml").is_file() else {}
    named = ((config or {}).get("compute_logs") or {}).get("config", {}).get("base_dir")
    return folder / named if isinstance(named, str) else folder / "storage"


def _write(path: Path, content: Mapping[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(yaml.safe_dump(dict(content), sort_keys=False))
        aside.replace(path)
    except OSError as error:
        raise UserError(f"{path.parent}: cannot hold a Dagster instance: {error.strerror}") from None


def _absolute(folder: Path) -> dict[str, Any]:
    """The instance's storage settings with their relative paths taken from its own folder; Dagster takes them from
    the working directory.
    """
    config = yaml.safe_load((folder / "dagster.yaml").read_text()) or {}
    found = {}
    artifacts = config.get("local_artifact_storage", {})
    base = artifacts.get("config", {}).get("base_dir")
    if isinstance(base, str):
        found["local_artifact_storage"] = artifacts | {"config": {"base_dir": str(folder / base)}}
    base = config.get("storage", {}).get("sqlite", {}).get("base_dir")
    if isinstance(base, str):
        found["storage"] = {"sqlite": {"base_dir": str(folder / base)}}
    return found
