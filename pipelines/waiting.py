"""Whom a sensor or a schedule waits for: a run that is at work, and after one that has failed, longer each time."""

from __future__ import annotations

import dagster as dg

from pipelines.jobs import HOME_TAG

GOING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_LONGEST = 10  # doublings: 1024 looks are a night
_SENSOR_TAG = "dagster/sensor_name"


def run_at_work(instance: dg.DagsterInstance) -> str | None:
    """The id of a run that writes this home or is about to; None: there is none."""
    runs = instance.get_runs(dg.RunsFilter(statuses=GOING, tags={HOME_TAG: "writes"}), limit=1)
    return runs[0].run_id if runs else None


def newest_run(instance: dg.DagsterInstance, sensor: str) -> dg.DagsterRun | None:
    """The last run that this sensor has asked for."""
    runs = instance.get_runs(dg.RunsFilter(tags={_SENSOR_TAG: sensor}), limit=1)
    return runs[0] if runs else None


def looks_to_wait(instance: dg.DagsterInstance, sensor: str) -> int:
    """Looks that a sensor lets go by after its last runs have failed: 0 after a good one, then 2, 4, 8, ..."""
    failures = 0
    for run in instance.get_runs(dg.RunsFilter(tags={_SENSOR_TAG: sensor}), limit=_LONGEST):
        if run.status not in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
            break
        failures += 1
    return 2**failures if failures else 0
