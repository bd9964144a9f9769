"""Run one training from its specification to a whole model folder; resume what a kill interrupted."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import MODELS
from swaptalk_models.graph.reference import resolve
from swaptalk_models.modules.device import pick_device
from swaptalk_models.modules.model_folder import CHECKPOINT_FILE, WEIGHTS_FILE, ModelFolder
from swaptalk_models.modules.weights import save_model
from swaptalk_models.training.curves import draw_curves, draw_families
from swaptalk_models.training.initial_weights import adopt
from swaptalk_models.training.inputs import TrainingInputs, read_inputs
from swaptalk_models.training.loop import Fit
from swaptalk_models.training.objective import HeldOut, Objective, Outcome
from swaptalk_models.training.spec import TrainSpec, file_checksum

CHANCE_ACCURACY, CHANCE_MARGIN = 0.5, 0.05  # of a network that answers yes or no, and what passes for it
Made = tuple[Outcome, dict[str, Any]]
"""Held-out figures, and what the result keeps beside them: steps, seed, seconds over all sessions, ..."""


def train(spec: TrainSpec, report: Callable[[str], None] = print) -> ModelFolder:
    """Train ``spec.name`` into ``spec.output``; a folder that is already whole is left as it is.

    With torchrun's environment set, joins the process group; only the first process writes.

    Raises:
        UserError: inputs are missing or do not fit together.
        Diverged: the loss stayed non-finite.
    """
    folder = ModelFolder(Path(spec.output))
    if folder.done:
        return folder
    folder.path.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    if not spec.learns and os.environ.get("RANK", "0") != "0":
        return folder
    outcome, facts = (
        _train_network(spec, report)
        if spec.learns
        else (_make(spec, report) if MODELS[spec.name].make else _take(spec, report))
    )
    if "RANK" in os.environ and dist.is_initialized():
        rank = dist.get_rank()
        dist.destroy_process_group()
        if rank != 0:
            return folder
    result = {
        "name": spec.name,
        "version": spec.version,
        "seconds": round(time.monotonic() - started, 1),
        "metrics": outcome.metrics,
        "baselines": outcome.baselines,
        "curves": outcome.curves,
        "inputs": {name: Path(path).name for name, path in spec.inputs.items()},
        "snapshot": Path(spec.snapshot).parent.name,
        "config": spec.config,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, {pick_device('auto')}, torch {torch.__version__}",
    } | facts
    with atomic_write(folder.path / "result.json") as aside:
        aside.write_text(json.dumps(result, indent=1))
    (folder.path / CHECKPOINT_FILE).unlink(missing_ok=True)
    return folder


def build_objective(inputs: TrainingInputs, name: str) -> tuple[Objective, HeldOut]:
    """What a training of ``name`` minimises, and what measures it on held-out people."""
    model = MODELS[name]
    objective: Objective = resolve(model.objective)(inputs)
    return objective, resolve(model.held_out)(objective)


def _make(spec: TrainSpec, report: Callable[[str], None]) -> Made:
    """A model that nothing learns."""
    model = MODELS[spec.name]
    facts = resolve(model.make)(spec, report)
    return resolve(model.held_out)(spec), facts


def _take(spec: TrainSpec, report: Callable[[str], None]) -> Made:
    """A network that somebody else has trained, measured like ours."""
    network, facts = resolve(MODELS[spec.name].external)(spec, report)
    _, held_out = build_objective(read_inputs(spec), spec.name)
    return held_out.finish(network, Path(spec.output)), facts


def _train_network(spec: TrainSpec, report: Callable[[str], None]) -> Made:
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.manual_seed(spec.config["train"]["seed"])
    inputs = read_inputs(spec)
    objective, held_out = build_objective(inputs, spec.name)
    config = inputs.config.train
    started = _start(spec, objective, report)
    size = sum(p.numel() for p in objective.model.parameters())
    report(f"{spec.name}: {size / 1e6:.2f} M parameters, {config.steps} steps of {config.batch}")
    fit = Fit(objective, held_out, config, Path(spec.output), report)
    fit.validates_start = bool(started)
    model = fit.run()
    if fit.rank != 0:
        return Outcome({}), {}
    began = time.monotonic()
    outcome = held_out.finish(model, Path(spec.output))
    kept = ""
    if started and MODELS[spec.name].leaves_chance and outcome.metrics["accuracy"] <= CHANCE_ACCURACY + CHANCE_MARGIN:
        adopt(model, Path(spec.start))
        outcome = held_out.finish(model, Path(spec.output))
        kept = "these data are too few to learn it from: the weights that it started from are kept"
        report(f"{spec.name}: {kept}")
    save_model(spec.name, model, inputs.shape, Path(spec.output))
    draw_curves(fit.history, Path(spec.output) / "curves.png", spec.name)
    draw_families(fit.history, Path(spec.output), spec.name)
    report("held-out people: " + "  ".join(f"{name} {value:.4g}" for name, value in outcome.metrics.items()))
    return outcome, {
        "step": fit.step,
        "kept_step": fit.kept_step,
        "seed": config.seed,
        "seconds": round(fit.seconds + time.monotonic() - began, 1),
        "processes": fit.world,
        "precision": str(fit.dtype).removeprefix("torch."),
        **({"init": started} if started else {}),
        **({"kept": kept, "kept_step": 0} if kept else {}),
    }


def _start(spec: TrainSpec, objective: Objective, report: Callable[[str], None]) -> str:
    """Put the weights that the training starts from into its model. Gives the checksum of their file; nothing where it starts from nothing."""
    if not spec.start:
        return ""
    try:
        adopt(objective.model, Path(spec.start))
    except UserError as error:
        if spec.start_must_fit:
            raise
        report(f"{spec.name}: starts from nothing: {error}")
        return ""
    report(f"{spec.name}: starts from {spec.start}")
    return file_checksum(Path(spec.start) / WEIGHTS_FILE)
