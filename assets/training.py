"""The models: one asset each, trained in a process of its own.

A model's folder is named by its configuration, its data and its inputs; where it is whole already, nothing is started.
"""

import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dagster as dg

from assets.metadata import run_name
from assets.pictures import thumbnail
from assets.resources import SwapTalk
from assets.training_progress import observed
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger, StageReport
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import BASELINE_INPUTS, MODEL_INPUTS
from swaptalk_models.modules.model_folder import ModelFolder, current, make_current
from swaptalk_models.training.spec import TrainSpec, plan
from swaptalk_models.graph.code_versions import CODE_VERSIONS

MODELS = tuple(MODEL_INPUTS)
GPU_POOL = "gpu"


def train_model(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """Bring the model named like the asset up to date; trains only if this very model is not there yet.

    Raises:
        UserError: what the training says about its configuration or its inputs.
    """
    from swaptalk_models.data.snapshot import load_snapshot

    started = time.monotonic()
    name = context.asset_key.to_user_string()
    home, preset = swaptalk.home_folder(), swaptalk.load()
    snapshot = load_snapshot(home)
    spec = plan(name, home.root, preset, snapshot.path, snapshot.version)
    folder = ModelFolder(Path(spec.output))
    cached = folder.done
    with home.writing(name, reads=(MODEL_INPUTS | BASELINE_INPUTS)[name]):
        if not cached:
            _run_worker(context, spec, pipes)
        make_current(folder)
    record_asset(context, home, cached, time.monotonic() - started)
    return dg.MaterializeResult(data_version=dg.DataVersion(folder.version), metadata=model_metadata(folder, cached))


def _run_worker(context: dg.AssetExecutionContext, spec: TrainSpec, pipes: dg.PipesSubprocessClient) -> None:
    processes = spec.config.get("train", {}).get("processes", 1)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
        job, status = Path(folder) / "job.json", Path(folder) / "status.json"
        job.write_text(json.dumps({"spec": dataclasses.asdict(spec), "status": str(status), "parent": os.getpid()}))
        try:
            with observed(context, Path(spec.output)):
                pipes.run(command=[sys.executable, *launcher, "-m", "assets.training_worker", str(job)], context=context)
        except Exception as error:  # whatever Pipes makes of it: the worker has said what it was
            said = json.loads(status.read_text()) if status.is_file() else {}
            if said.get("user_error"):
                raise UserError(said["user_error"]) from None
            raise RuntimeError(f"the training of {spec.name} has failed: {said.get('error') or error}") from error
    if not ModelFolder(Path(spec.output)).done:
        raise RuntimeError(f"the training of {spec.name} ended without a result in {spec.output}")


def record_asset(context: dg.AssetExecutionContext, home: Home, cached: bool, seconds: float) -> None:
    """Count an asset without clips of its own in the last run's stages."""
    name = context.asset_key.to_user_string()
    with Ledger(home.ledger) as ledger:
        ledger.record(
            StageReport(name, computed=int(not cached), cached=int(cached), seconds=seconds), run_name(context)
        )


def model_metadata(folder: ModelFolder, cached: bool) -> dict[str, Any]:
    """What the UI shows of a model. Numbers are floats: Dagster plots them over time."""
    result = folder.result()
    metadata: dict[str, Any] = {
        "status": "cached" if cached else "computed",
        "version": folder.version,
        "snapshot": result["snapshot"],
        "path": dg.MetadataValue.path(str(folder.path)),
        "inputs": dg.MetadataValue.json(result["inputs"]),
        "step": float(result["step"]),
        "seconds": float(result["seconds"]),
    }
    if "external" in result:
        metadata["external"] = dg.MetadataValue.json(result["external"])
    metadata |= {key: float(value) for key, value in result["metrics"].items() if value is not None}
    metadata |= {
        f"baseline_{key}": float(value) for key, value in result.get("baselines", {}).items() if value is not None
    }
    for picture in [folder.path / "curves.png", *sorted((folder.path / "samples").glob("*.png"))[:3]]:
        if picture.is_file():
            metadata[picture.stem if picture.stem not in metadata else f"{picture.stem}_picture"] = thumbnail(picture)
    return metadata


def model(group: str = "training") -> dict[str, Any]:
    """What all models' assets have in common; ``name`` comes from the function."""
    return {"group_name": group, "pool": GPU_POOL, "kinds": {"pytorch", "safetensors"}}


@dg.asset(deps=["training_snapshot"], code_version=CODE_VERSIONS["identity_encoder"], **model())
def identity_encoder(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """Face recogniser with a margin loss: the identity losses' eye. Whoever judges the results is another network."""
    return train_model(context, swaptalk, pipes)


@dg.asset(deps=["training_snapshot", "vqgan", "vq_latents"], code_version=CODE_VERSIONS["lip_expert"], **model())
def lip_expert(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """SyncNet over VQ embeddings of the lower half and sound: tells whether they belong together."""
    return train_model(context, swaptalk, pipes)


@dg.asset_check(
    asset=lip_expert,
    blocking=True,
    description="Has left chance: with an expert that tells nothing the lips would be trained on noise.",
)
def lip_expert_left_chance(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.evaluation.held_out.chance import look_at_chance

    found = look_at_chance(current(swaptalk.home_folder().root, "lip_expert"))
    return dg.AssetCheckResult(passed=found.left, description=found.said, metadata=found.figures)


@dg.asset(
    deps=["training_snapshot", "vqgan"],
    code_version=CODE_VERSIONS["swap_teacher"],
    **model() | {"kinds": {"opencv", "parquet"}},
)
def swap_teacher(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """Classical landmark swaps of pairs of people: the proxy targets of the face swapper."""
    return train_model(context, swaptalk, pipes)


@dg.asset(
    deps=["training_snapshot", "vqgan", "vq_latents", "identity_encoder", "swap_teacher"],
    code_version=CODE_VERSIONS["face_swapper"],
    **model(),
)
def face_swapper(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """Transformer over VQ tokens: queries from the target, keys and values from the source."""
    return train_model(context, swaptalk, pipes)


@dg.asset(
    deps=["training_snapshot", "vqgan", "vq_latents", "lip_expert"],
    code_version=CODE_VERSIONS["lip_sync"],
    **model(),
)
def lip_sync(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """Warping by offset map, then a U-Net with audio cross-attention: the mouth that goes with the sound."""
    return train_model(context, swaptalk, pipes)
