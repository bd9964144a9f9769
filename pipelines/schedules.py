"""Retraining, when there is something new to train on. Off until somebody switches it on in the UI."""

import dagster as dg

from pipelines.instance import default_home
from pipelines.jobs import train
from pipelines.run_settings import last_settings
from swaptalk_models.data.store.home import Home
from swaptalk_models.graph.models import own_models

SNAPSHOT = dg.AssetKey("training_snapshot")


@dg.schedule(
    job=train,
    cron_schedule="0 2 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at two: trains when the training snapshot is another one than the models were trained on.",
)
def retrain(context: dg.ScheduleEvaluationContext):
    newest = snapshot_version(context.instance)
    if newest is None:
        return dg.SkipReason("there is no training snapshot yet")
    stale = [
        spec.name for spec in own_models() if not spec.unheard and trained_on(context.instance, spec.name) != newest
    ]
    if not stale:
        return dg.SkipReason(f"every model was trained on the newest snapshot, {newest}")
    if _is_running(context.instance):
        return dg.SkipReason("a training is going on")
    config = last_settings(Home(default_home())).run_config()
    return dg.RunRequest(run_config=config, tags={"swaptalk/snapshot": newest})


def snapshot_version(instance: dg.DagsterInstance) -> str | None:
    """Data version of the newest training snapshot: depends on its content alone."""
    event = instance.get_latest_materialization_event(SNAPSHOT)
    tags = event.asset_materialization.tags if event and event.asset_materialization else None
    return (tags or {}).get("dagster/data_version")


def trained_on(instance: dg.DagsterInstance, model: str) -> str | None:
    """Snapshot that the newest version of a model was trained on."""
    event = instance.get_latest_materialization_event(dg.AssetKey(model))
    metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
    return str(metadata["snapshot"].value) if "snapshot" in metadata else None


def _is_running(instance: dg.DagsterInstance) -> bool:
    going = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    return any(run.job_name in (train.name, "swaptalk") for run in instance.get_runs(dg.RunsFilter(statuses=going)))
