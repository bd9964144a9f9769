"""How a model of the table (swaptalk_models/graph/models.py) becomes an asset: trained in a process of its own, memoised, with its checks.

A model's folder is named by its configuration, its data and its inputs; where it is whole already, nothing is started.
"""

import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from assets.support.facts import asset_facts
from assets.support.metadata import record_asset, unplotted
from assets.support.own_packages import own_environment
from assets.support.pictures import thumbnail
from assets.support.published import published_meanwhile
from assets.support.resources import SwapTalk
from assets.support.tracked import tracked
from assets.support.training_progress import curve_pictures, observed
from swaptalk_models.data.engine.ray_cluster import require_ray
from swaptalk_models.data.store.stored_files import fetch_tree, withdraw
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS, relation
from swaptalk_models.modules.model_folder import CHECKPOINT_FILE, ModelFolder, make_current
from swaptalk_models.settings.compute import RAY
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.spec import TrainSpec, plan, starting_folder

GPU_POOL = "gpu"
Afterwards = Callable[[dg.AssetExecutionContext, SwapTalk], dict[str, Any]]
"""Further work once a model is there; gives metadata."""


def model_asset(name: str, afterwards: Afterwards | None = None) -> dg.AssetsDefinition:
    """The asset of a model."""
    model = MODELS[name]

    @dg.asset(
        name=name,
        pool=GPU_POOL,
        description=model.description,
        **asset_facts(name),
    )
    def asset(
        context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
    ) -> dg.MaterializeResult:
        if not model.needed(swaptalk.load()):
            record_asset(context, swaptalk.home_folder(), cached=True, seconds=0.0)
            why = "no method of evaluation.methods needs it"
            return dg.MaterializeResult(
                data_version=dg.DataVersion("not needed"), metadata={"status": "not needed", "why": why}
            )
        trained = train_model(context, swaptalk, pipes)
        told, more = dict(trained.metadata or {}), afterwards(context, swaptalk) if afterwards else {}
        status = told.get("status")
        if getattr(status, "value", status) == "cached":
            more = unplotted(more)
        return dg.MaterializeResult(data_version=trained.data_version, metadata=told | more)

    return asset


def train_model(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """Bring the model named like the asset up to date; trains only if this very model is not there yet.

    Raises:
        UserError: what the training says about its configuration or its inputs.
    """
    from swaptalk_models.data.snapshot import is_drawn, load_snapshot, make_unheard_snapshot

    started = time.monotonic()
    name = context.asset_key.to_user_string()
    home, preset = swaptalk.home_folder(), swaptalk.load()
    snapshot = make_unheard_snapshot(home, preset) if MODELS[name].unheard else load_snapshot(home)
    start = starting_folder(name, preset, drawn=is_drawn(home))
    spec = plan(name, home.root, preset, snapshot.path, snapshot.version, start)
    folder = ModelFolder(Path(spec.output))
    cached = folder.done
    with home.writing(name, reads=MODELS[name].inputs), tracked(context, swaptalk, spec) as links:
        if not cached:
            fetch_tree(home.root, folder.path)  # its checkpoint, where another host began it
            on_ray = _on_ray(swaptalk, preset) if preset.compute == RAY and spec.learns else None
            with published_meanwhile(home, context.log.warning):
                _run_worker(context, spec, pipes, on_ray)
            withdraw(home.root, folder.path / CHECKPOINT_FILE)
        home.confirm()
        make_current(folder)
    record_asset(context, home, cached, time.monotonic() - started)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(folder.version), metadata=model_metadata(folder, cached) | links
    )


def _on_ray(swaptalk: SwapTalk, preset: Preset) -> dict[str, Any]:
    """What the worker needs to know to have the cluster's hosts train."""
    require_ray()
    return {"config": dataclasses.asdict(preset.ray), "cpus": swaptalk.workers}


def _run_worker(
    context: dg.AssetExecutionContext, spec: TrainSpec, pipes: dg.PipesSubprocessClient, ray: dict[str, Any] | None
) -> None:
    processes = 1 if ray else spec.config.get("train", {}).get("processes", 1)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
        job, status = Path(folder) / "job.json", Path(folder) / "status.json"
        told = {"spec": dataclasses.asdict(spec), "status": str(status), "parent": os.getpid()}
        job.write_text(json.dumps(told | ({"ray": ray} if ray else {})))
        try:
            with observed(context, Path(spec.output)):
                worker = [sys.executable, *launcher, "-m", "assets.support.training_worker", str(job)]
                pipes.run(command=worker, context=context, env=own_environment())
        except Exception as error:  # whatever Pipes makes of it: the worker has said what it was
            said = json.loads(status.read_text()) if status.is_file() else {}
            if said.get("user_error"):
                raise UserError(said["user_error"]) from None
            raise RuntimeError(f"the training of {spec.name} has failed: {said.get('error') or error}") from error
    if not ModelFolder(Path(spec.output)).done:
        raise RuntimeError(f"the training of {spec.name} ended without a result in {spec.output}")


def model_metadata(folder: ModelFolder, cached: bool) -> dict[str, Any]:
    """What the UI shows of a model, its figures on held-out people first. Numbers are floats, which Dagster plots over time; those of a model
    that was there already are text: they are no new points."""
    result = folder.result()
    metadata: dict[str, Any] = {"on held-out people": figures_table(folder)}
    metadata |= {key: float(value) for key, value in result["metrics"].items() if value is not None}
    metadata |= curve_pictures(folder.path) | _samples(folder.path)
    metadata |= {
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
    metadata |= {
        f"baseline_{key}": float(value) for key, value in result.get("baselines", {}).items() if value is not None
    }
    return unplotted(metadata) if cached else metadata


def figures_table(folder: ModelFolder) -> dg.MetadataValue:
    """A row a figure on held-out people, beside it the trivial baseline and what is wanted."""
    result, model = folder.result(), MODELS.get(folder.path.parent.name)
    columns = ("figure", "this model", "trivial baseline", "wanted", "what it is")
    rows = []
    for name, value in result["metrics"].items():
        if value is None:
            continue
        figure, baseline = model.figures.get(name) if model else None, result.get("baselines", {}).get(name)
        of_baseline = "-" if baseline is None else f"{baseline:.4g}"
        wanted = "-" if figure is None or figure.threshold is None else relation(figure)
        rows.append((name, f"{value:.4g}", of_baseline, wanted, figure.meaning if figure else ""))
    records = [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _samples(folder: Path) -> dict[str, dg.MetadataValue]:
    pictures = sorted((folder / "samples").glob("*.png"))[:3]
    return {f"{picture.stem} (picture)": thumbnail(picture) for picture in pictures}
