"""`model_release`: the one folder that `swaptalk generate` runs from."""

import dagster as dg

from assets.checks import wrong_weights
from assets.evaluation import make
from assets.resources import SwapTalk
from swaptalk_models.versions import CODE_VERSIONS


@dg.asset(
    deps=["vqgan", "face_swapper", "lip_sync", "metrics"],
    group_name="release",
    kinds={"safetensors"},
    code_version=CODE_VERSIONS["model_release"],
)
def model_release(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """Weights, configuration, model card and hashes."""
    from swaptalk_models.inference.release import build_release

    home, preset = swaptalk.home_folder(), swaptalk.load()
    folder, status = make(context, swaptalk, home.releases, lambda: build_release(home.root, preset))
    home.update_state(release=str(folder))
    files = [path for path in folder.rglob("*") if path.is_file()]
    metadata = {
        "status": status,
        "version": folder.name,
        "path": dg.MetadataValue.path(str(folder)),
        "files": float(len(files)),
        "megabytes": sum(path.stat().st_size for path in files) / 1e6,
    }
    return dg.MaterializeResult(data_version=dg.DataVersion(folder.name), metadata=metadata)


@dg.asset_check(asset=model_release, blocking=True, description="Every weight file is whole and every weight finite.")
def model_release_weights(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from pathlib import Path

    wrong = wrong_weights(Path(swaptalk.home_folder().state()["release"]))
    return dg.AssetCheckResult(passed=not wrong, metadata={"wrong": "; ".join(wrong[:5])})
