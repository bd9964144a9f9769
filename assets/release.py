"""`model_release`: the one folder that `swaptalk generate` runs from."""

from pathlib import Path

import dagster as dg

from assets.support.facts import asset_facts
from assets.support.memoised import new_points, recorded
from assets.support.model_checks import wrong_weights
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.errors import UserError


@dg.asset(
    **asset_facts("model_release"),
)
def model_release(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """Weights, configuration, model card and hashes. Refused when the new models are worse than the released ones."""
    from swaptalk_models.evaluation.compare.release import (
        compare_with_release,
        keep_measurements,
        losses,
        released_is_current,
    )
    from swaptalk_models.inference.release import build_release

    home, preset = swaptalk.home_folder(), swaptalk.load()
    worse = [] if released_is_current(home) else losses(compare_with_release(home, preset))
    if worse and not preset.model_release.allow_worse:
        raise UserError(
            f"not released, the models before stay: {'; '.join(worse)}. To release all the same: model_release.allow_worse=true"
        )

    def release() -> Memoised[Path]:
        folder, built_before = build_release(home, preset)
        _, kept_before = keep_measurements(home, preset, folder)
        return Memoised(folder, built_before and kept_before)

    folder, status = recorded(context, swaptalk, release)
    home.update_state(release=str(folder))
    files = [path for path in folder.rglob("*") if path.is_file()]
    metadata = {
        "status": status,
        "version": folder.name,
        "path": dg.MetadataValue.path(str(folder)),
        "files": float(len(files)),
        "megabytes": sum(path.stat().st_size for path in files) / 1e6,
        "released although worse": "; ".join(worse) or "no",
    }
    return dg.MaterializeResult(data_version=dg.DataVersion(folder.name), metadata=new_points(status, metadata))


@dg.asset_check(asset=model_release, blocking=True, description="Every weight file is whole and every weight finite.")
def model_release_weights(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    folder = swaptalk.home_folder().state().release
    if folder is None:
        raise UserError("nothing was released yet")
    wrong = wrong_weights(Path(folder))
    return dg.AssetCheckResult(passed=not wrong, metadata={"wrong": "; ".join(wrong[:5])})
