"""Old runs of the Dagster instance: their events and logs. What the UI shows as the newest of an asset, a partition or a check stays."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.instance import compute_logs_folder
from pipelines.pruning.policy import Policy, Removal, size_of
from swaptalk_models.data.store.home import Home

if TYPE_CHECKING:
    import dagster as dg

_AT_ONCE = 500
RUN = "run"


def old_runs(instance: dg.DagsterInstance, home: Home, policy: Policy, since: float | None) -> list[Removal]:
    """Finished runs beyond the policy that hold nothing's newest event.

    Args:
        since: what was started later (seconds since the epoch) stays, too: the runs that made what is kept.
    """
    import dagster as dg

    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    records = instance.get_run_records(dg.RunsFilter(statuses=ended))
    places: dict[str, int] = {}
    beyond = []
    for one in sorted(records, key=lambda one: one.create_timestamp, reverse=True):
        made_at = one.create_timestamp.timestamp()
        place = places[one.dagster_run.job_name] = places.get(one.dagster_run.job_name, -1) + 1
        if policy.is_old(place, made_at) and (since is None or made_at < since):
            beyond.append((one.dagster_run.run_id, one.dagster_run.job_name, made_at))
    hold = _holding_newest(instance) if beyond else set()
    return [
        Removal(RUN, f"{run_id[:8]} {job}", _size(instance, home, run_id), made_at, Path(run_id))
        for run_id, job, made_at in beyond
        if run_id not in hold
    ]


def remove_run(instance: dg.DagsterInstance, home: Home, run_id: str) -> None:
    """Its events first: what a kill leaves is a run without events, which is removed as such."""
    instance.event_log_storage.delete_events(run_id)
    instance.delete_run(run_id)
    for path in _files(instance, home, run_id):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def give_back_space(instance: dg.DagsterInstance) -> None:
    """Make SQLite's files as small as what is in them, where nobody is writing."""
    folder = Path(instance.root_directory)
    for path in (folder / "history" / "runs.db", folder / "history" / "runs" / "index.db"):
        if path.is_file():
            with contextlib.suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=5)) as database:
                database.execute("VACUUM")


def _holding_newest(instance: dg.DagsterInstance) -> set[str]:
    """Runs with the newest event of an asset, of one of its partitions, or of a check."""
    import dagster as dg

    storage = instance.event_log_storage
    hold: set[str] = set()
    for asset in storage.get_asset_records():
        entry, key = asset.asset_entry, asset.asset_entry.asset_key
        newest = (entry.last_materialization_record, entry.last_observation_record)
        hold |= {one.event_log_entry.run_id for one in newest if one is not None}
        ids = storage.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        for some in _groups(sorted(ids.values())):
            wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=some)
            hold |= {one.run_id for one in instance.fetch_materializations(wanted, limit=len(some)).records}
    from pipelines.definitions import defs

    checks = list(defs.resolve_asset_graph().asset_check_keys)
    return hold | {one.run_id for one in storage.get_latest_asset_check_execution_by_key(checks).values()}


def _groups(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    yield from (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _files(instance: dg.DagsterInstance, home: Home, run_id: str) -> list[Path]:
    root = Path(instance.root_directory)
    own = [root / "history" / "runs" / f"{run_id}.db{end}" for end in ("", "-wal", "-shm", "-journal")]
    return [*own, root / "storage" / run_id, compute_logs_folder(home.root) / run_id, root / "alive" / run_id]


def _size(instance: dg.DagsterInstance, home: Home, run_id: str) -> int:
    found = {path for path in _files(instance, home, run_id) if path.exists()}
    return sum(size_of(path) if path.is_dir() else path.stat().st_size for path in found)
