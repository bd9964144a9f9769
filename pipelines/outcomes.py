"""What runs of the UI, of sensors and of schedules came to, for `swaptalk status`: a run of the command line says it itself."""

from pathlib import Path

import dagster as dg

from pipelines.failures import first_failure, forget_failure, remember_failure
from pipelines.instance import default_home
from pipelines.talk_job import TALK
from swaptalk_models.data.store.home import Home

_SECONDS = 10


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.FAILURE,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run that failed is told of by `swaptalk status`, with its stage and the reason.",
)
def failed_runs(context: dg.RunStatusSensorContext):
    if (
        context.dagster_run.job_name != TALK
    ):  # a talk's failure is in the queue's table; the home's data are as they were
        remember_failure(_home_of(context), first_failure(context.instance, context.dagster_run.run_id))


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A failure is over when its stage was run again.",
)
def mended_runs(context: dg.RunStatusSensorContext):
    # What the run did, not what it might have: a job that has no such stage mends nothing.
    events = context.instance.all_logs(context.dagster_run.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
    steps = [entry.dagster_event.step_key or "" for entry in events if entry.dagster_event]
    forget_failure(_home_of(context), {step.rpartition(".")[2] for step in steps})


def _home_of(context: dg.RunStatusSensorContext) -> Home:
    """The home that the run was asked for, else that of the UI."""
    config = context.dagster_run.run_config.get("resources", {}).get("swaptalk", {}).get("config", {})
    named = config.get("home")
    return Home(Path(named).expanduser().absolute() if named else default_home()).create()
