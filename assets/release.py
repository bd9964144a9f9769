"""`model_release`: the one folder that `swaptalk generate` runs from."""

import time
from pathlib import Path
from typing import Any

import dagster as dg

from assets.support.facts import asset_facts
from assets.support.memoised import new_points, recorded
from assets.support.metadata import record_asset
from assets.support.model_checks import wrong_weights
from assets.support.report_address import report_url
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.data.store.release_log import ReleaseEvent, held_back, read_log
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.files import RELEASES_PAGE


@dg.asset(
    **asset_facts("model_release"),
)
def model_release(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """Weights, configuration, model card and hashes. Refused when the new models are worse than those of the release in use."""
    from swaptalk_models.data.store.release_log import in_use
    from swaptalk_models.evaluation.compare.groups import groups_of, worst_served
    from swaptalk_models.evaluation.compare.release import (
        compare_with_release,
        keep_measurements,
        losses,
        released_is_current,
    )
    from swaptalk_models.evaluation.compare.release_history import record_refusal, record_release
    from swaptalk_models.inference.release import build_release, release_version
    from swaptalk_models.reporting.releases import write_releases_page

    home, preset = swaptalk.home_folder(), swaptalk.load()
    version, before = release_version(home, preset), in_use(home)
    if (left := held_back(read_log(home)).get(version)) is not None and before is not None:
        context.log.warning(f"release {version} stays out of use: {_choice(left)}")
        record_asset(context, home, cached=True, seconds=0.0)
        metadata = {"status": "cached", "release": version, "stays out of use": _choice(left)}
        return dg.MaterializeResult(
            data_version=dg.DataVersion(before), metadata=metadata | _told(home, home.releases / before)
        )
    worse = [] if released_is_current(home) else losses(compare_with_release(home, preset))
    if worse and not preset.model_release.allow_worse:
        record_refusal(home, preset, version, worse)
        write_releases_page(home)
        raise UserError(
            f"not released, the models before stay: {'; '.join(worse)}. To release all the same: model_release.allow_worse=true"
        )

    def release() -> Memoised[Path]:
        folder, built_before = build_release(home, preset, worst_served(*groups_of(home, preset)))
        _, kept_before = keep_measurements(home, preset, folder)
        record_release(home, preset, version, before, worse)
        return Memoised(folder, built_before and kept_before)

    folder, status = recorded(context, swaptalk, release)
    home.update_state(release=str(folder))
    write_releases_page(home)
    metadata = {"status": status, "released although worse": "; ".join(worse) or "no"} | _told(home, folder)
    return dg.MaterializeResult(data_version=dg.DataVersion(folder.name), metadata=new_points(status, metadata))


def _told(home: Home, folder: Path) -> dict[str, Any]:
    """Of the release in use."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        "all releases (while swaptalk dev runs)": dg.MetadataValue.url(
            report_url(home, home.evaluation / RELEASES_PAGE)
        ),
        "version": folder.name,
        "files": float(len(files)),
        "megabytes": sum(path.stat().st_size for path in files) / 1e6,
        "path": dg.MetadataValue.path(str(folder)),
    }


def _choice(event: ReleaseEvent) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(event.at))
    why = f": {event.reason}" if event.reason else ""
    return f"somebody chose {event.version} instead on {when}{why}. `swaptalk releases --use {event.before}` ends that"


@dg.asset_check(asset=model_release, blocking=True, description="Every weight file is whole and every weight finite.")
def model_release_weights(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    folder = swaptalk.home_folder().state().release
    if folder is None:
        raise UserError("nothing was released yet")
    wrong = wrong_weights(Path(folder))
    return dg.AssetCheckResult(passed=not wrong, metadata={"wrong": "; ".join(wrong[:5])})


@dg.asset_check(
    asset=model_release, description="No data have waited longer for a release than model_release.fresh_days."
)
def release_is_fresh(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    """Asked in every run that releases, and once an hour by the sensor `stale_release`."""
    from swaptalk_models.evaluation.compare.release_freshness import release_freshness

    found = release_freshness(swaptalk.home_folder())
    limit = swaptalk.load().model_release.fresh_days
    return dg.AssetCheckResult(
        passed=found is None or found.is_fresh(limit),
        severity=dg.AssetCheckSeverity.WARN,
        description=found.said() if found else "nothing was released yet",
        metadata={"days that data wait": found.days, "new videos": found.came} if found else {},
    )
