"""Retraining, when there is something new to train on. Off until somebody switches it on in the UI."""

import json

import dagster as dg

from pipelines.instance import default_home
from pipelines.jobs import train
from pipelines.run_settings import last_settings
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import REFUSED, held_back, in_use, read_log
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import RELEASED, own_models
from swaptalk_models.modules.model_folder import RELEASE_FILE, current

SNAPSHOT = dg.AssetKey("training_snapshot")


@dg.schedule(
    job=train,
    cron_schedule="0 2 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at two: trains when the training snapshot is another one than the models were trained on; and goes on where a run was stopped.",
)
def retrain(context: dg.ScheduleEvaluationContext):
    newest = snapshot_version(context.instance)
    if newest is None:
        return dg.SkipReason("there is no training snapshot yet")
    stale = [
        spec.name for spec in own_models() if not spec.unheard and trained_on(context.instance, spec.name) != newest
    ]
    if not stale and (done := unreleased(Home(default_home()))) is not None:
        return dg.SkipReason(f"every model was trained on the newest snapshot, {newest}, and {done}")
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


def unreleased(home: Home) -> str | None:
    """None where the current models were neither released nor refused: a run was stopped before it came to that. Else what became of them."""
    try:
        models = {name: current(home.root, name).version for name in RELEASED}
    except UserError:
        return "none are there to be released"
    version, events = in_use(home), read_log(home)
    path = home.releases / (version or "") / RELEASE_FILE
    if version and path.is_file() and json.loads(path.read_text())["models"] == models:
        return "released"
    if any(event.models == models for event in events if held_back(events).keys() & {event.version}):
        return "somebody has chosen another release"
    newest = next((event for event in reversed(events) if event.models == models), None)
    return "refused" if newest is not None and newest.kind == REFUSED else None


def _is_running(instance: dg.DagsterInstance) -> bool:
    going = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    return any(run.job_name in (train.name, "swaptalk") for run in instance.get_runs(dg.RunsFilter(statuses=going)))
