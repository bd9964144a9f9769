"""Data that wait for a release, told of where nobody starts a run: the check is asked again once an hour."""

import dagster as dg

from assets.release import release_is_fresh
from pipelines.instance import default_home
from pipelines.run_settings import last_settings
from swaptalk_models.data.store.home import Home

_HOUR = 3600
_CHECK = next(iter(release_is_fresh.check_keys))


@dg.sensor(
    minimum_interval_seconds=_HOUR,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Warns on `model_release` when new data have waited longer for it than model_release.fresh_days.",
)
def stale_release(context: dg.SensorEvaluationContext):
    """An event of the check whenever its answer is another one than the last tick's; never a run."""
    from swaptalk_models.evaluation.compare.release_freshness import release_freshness
    from swaptalk_models.settings.preset import load_preset

    home = Home(default_home())
    found = release_freshness(home)
    if found is None:
        return dg.SkipReason("nothing was released yet")
    settings = last_settings(home)
    fresh = found.is_fresh(load_preset(settings.preset, settings.overrides).model_release.fresh_days)
    state = f"{found.release} {found.newest} {fresh}"
    if state == context.cursor:
        return dg.SkipReason(found.said())
    event = dg.AssetCheckEvaluation(
        asset_key=_CHECK.asset_key,
        check_name=_CHECK.name,
        passed=fresh,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.said(),
        metadata={"days that data wait": found.days, "new videos": found.came},
    )
    return dg.SensorResult(asset_events=[event], cursor=state, skip_reason=dg.SkipReason(found.said()))
