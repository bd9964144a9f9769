"""What runs of the UI, of sensors and of schedules came to, for `swaptalk status`: a run of the command line says it itself."""

import time
from pathlib import Path

import dagster as dg

from pipelines.failures import NO_STAGE, Failure, first_failure, forget_failure, remember_failure
from pipelines.instance import default_home
from pipelines.recovery import CLI_TAG
from pipelines.talk_job import TALK
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.storage_home import join

_SECONDS = 10
_TOLD = dg.SkipReason("the command line has told of it")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.FAILURE,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run that failed is told of by `swaptalk status`, with its stage and the reason.",
)
def failed_runs(context: dg.RunStatusSensorContext):
    if (
        context.dagster_run.job_name == TALK
    ):  # a talk's failure is in the queue's table; the home's data are as they were
        return _TOLD
    found = first_failure(context.instance, context.dagster_run.run_id)
    if found is not None and CLI_TAG in context.dagster_run.tags:
        return _TOLD
    failure = found or Failure(NO_STAGE, "its process died (power cut, kill)", ours=False, at=time.time())
    if not _mended_since(context.instance, context.dagster_run.run_id, failure.stage):
        remember_failure(_home_of(context), failure)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A failure is over when its stage was run again.",
)
def mended_runs(context: dg.RunStatusSensorContext):
    if CLI_TAG in context.dagster_run.tags:
        return _TOLD
    forget_failure(_home_of(context), _worked(context.instance, context.dagster_run.run_id))


def _worked(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    """Stages that this run has done. What it did, not what it might have: a job that has no such stage mends nothing."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
    steps = [entry.dagster_event.step_key or "" for entry in events if entry.dagster_event]
    return {step.rpartition(".")[2] for step in steps}


def _mended_since(instance: dg.DagsterInstance, run_id: str, stage: str) -> bool:
    """Whether a later run has done the stage: this sensor may look late, after the daemon has tried again."""
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run_id]))
    later = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], created_after=record.create_timestamp)
    runs = [run.run_id for run in instance.get_runs(later) if run.run_id != run_id]
    return bool(runs) if stage == NO_STAGE else any(stage in _worked(instance, one) for one in runs)


def _home_of(context: dg.RunStatusSensorContext) -> Home:
    """The home that the run was asked for, else that of the UI."""
    config = context.dagster_run.run_config.get("resources", {}).get("swaptalk", {}).get("config", {})
    named = config.get("home")
    return join(Path(named).expanduser().absolute() if named else default_home())
