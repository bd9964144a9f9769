"""Checks of models: files and weights block what follows, figures on held-out people warn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from assets.support.resources import SwapTalk
from swaptalk_models.graph.models import MODELS, own_models, relation
from swaptalk_models.modules.model_folder import current, held_out_metrics


def wrong_weights(folder: Path) -> list[str]:
    """One sentence for each weight file that cannot be read, and for each tensor that is not finite."""
    import torch
    from safetensors import SafetensorError, safe_open

    wrong = []
    for path in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                names = file.keys()  # of tensors; the file itself cannot be iterated over
                tensors = ((key, file.get_tensor(key)) for key in names)
                wrong += [
                    f"{path.name}: {key} is not finite"
                    for key, tensor in tensors
                    if not torch.isfinite(tensor.float()).all()
                ]
        except (SafetensorError, OSError) as error:
            wrong.append(f"{path.name}: {error}")
    return wrong


def shortfalls(name: str, metrics: dict[str, Any], also_missing: bool = False) -> list[str]:
    """One sentence for each of a model's targets that these metrics miss, and by how much; on request, for what was
    not measured.
    """
    found = []
    for metric, target in MODELS[name].targets.items():
        value, bound = metrics.get(metric), target.threshold
        if value is None:
            found += [f"{metric} was not measured"] if also_missing else []
        elif target.at_least and not value >= bound:
            found.append(f"{metric} is {value:.3g}, {bound - value:.3g} short of {bound:g}")
        elif not target.at_least and not abs(value) <= bound:
            found.append(f"{metric} is {value:.3g}, outside of {-bound:g} to {bound:g}")
    ours, theirs = metrics.get("source_similarity"), metrics.get("target_similarity")
    if name == "face_swapper" and ours is not None and theirs is not None and not ours > theirs:
        found.append(f"swapped faces are nearer to the target ({theirs:.3g}) than to the source ({ours:.3g})")
    return found


def _files_check(name: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=f"{name}_files", asset=name, blocking=True, description="All files are there and every weight is finite."
    )
    def check(swaptalk: SwapTalk) -> dg.AssetCheckResult:
        folder = current(swaptalk.home_folder().root, name)
        expected = ("result.json", *MODELS[name].files)
        wrong = [f"{file} is missing" for file in expected if not (folder.path / file).is_file()] + wrong_weights(
            folder.path
        )
        return dg.AssetCheckResult(
            passed=not wrong, description="; ".join(wrong[:3]) or None, metadata={"wrong": "; ".join(wrong[:5])}
        )

    return check


def _quality_check(name: str) -> dg.AssetChecksDefinition:
    bounds = ", ".join(f"{metric} {relation(target)}" for metric, target in MODELS[name].targets.items())

    @dg.asset_check(name=f"{name}_quality", asset=name, description=f"On held-out people: {bounds}.")
    def check(swaptalk: SwapTalk) -> dg.AssetCheckResult:
        metrics = current(swaptalk.home_folder().root, name).result()["metrics"]
        return _warning(
            shortfalls(name, metrics), {key: metrics[key] for key in MODELS[name].targets if key in metrics}
        )

    return check


def _warning(short: list[str], values: dict[str, Any]) -> dg.AssetCheckResult:
    floats = {key: float(value) for key, value in values.items() if value is not None}
    said = "; ".join(short) or None
    return dg.AssetCheckResult(passed=not short, severity=dg.AssetCheckSeverity.WARN, description=said, metadata=floats)


@dg.asset_check(
    asset="metrics", description="Every held-out figure of every model was measured and reaches its target."
)
def metrics_targets(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    home = swaptalk.home_folder().root
    asked = [spec for spec in own_models() if spec.targets]
    found = {spec.name: held_out_metrics(current(home, spec.name)) for spec in asked}
    short = [
        f"{name}: {said}" for name, metrics in found.items() for said in shortfalls(name, metrics, also_missing=True)
    ]
    return _warning(short, {f"{spec.name} {key}": found[spec.name].get(key) for spec in asked for key in spec.targets})


model_checks = [
    *(_files_check(spec.name) for spec in own_models()),
    *(_quality_check(spec.name) for spec in own_models() if spec.targets),
    metrics_targets,
]
