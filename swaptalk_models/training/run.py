"""Run one training from its specification to a whole model folder; resume what a kill interrupted."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed as dist

from swaptalk_models.settings.section import build_section
from swaptalk_models.data.store.atomic_write import written_aside
from swaptalk_models.settings import models as settings
from swaptalk_models.training.curves import draw_curves
from swaptalk_models.training.data import TrainingData
from swaptalk_models.modules.device import pick_device
from swaptalk_models.modules.weights import load_model, save_model
from swaptalk_models.training.loop import Fit
from swaptalk_models.training.objective import Objective, Outcome
from swaptalk_models.modules.model_folder import ModelFolder
from swaptalk_models.training.spec import TrainSpec, external_checksum


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
    if spec.name == "swap_teacher":
        outcome, facts = _make_teacher_pairs(spec, report)
    elif spec.config.get("external"):
        if os.environ.get("RANK", "0") != "0":
            return folder
        outcome, facts = _take_external(spec, report)
    else:
        outcome, facts = _train_network(spec, report)
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
    with written_aside(folder.path / "result.json") as aside:
        aside.write_text(json.dumps(result, indent=1))
    (folder.path / "checkpoint.pt").unlink(missing_ok=True)
    return folder


def _train_network(spec: TrainSpec, report: Callable[[str], None]) -> tuple[Outcome, dict[str, Any]]:
    """Held-out figures, and what the result keeps beside them: steps, seed, seconds over all sessions, ..."""
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    train_config = build_section(settings.TrainConfig, spec.config["train"])
    torch.manual_seed(train_config.seed)
    objective, shape = build_objective(spec)
    size = sum(p.numel() for p in objective.model.parameters())
    report(f"{spec.name}: {size / 1e6:.2f} M parameters, {train_config.steps} steps of {train_config.batch}")
    fit = Fit(objective, train_config, Path(spec.output), report)
    model = fit.run()
    if fit.rank != 0:
        return Outcome({}), {}
    started = time.monotonic()
    outcome = objective.finish(model, Path(spec.output))
    save_model(spec.name, model, shape, Path(spec.output))
    draw_curves(fit.history, Path(spec.output) / "curves.png", spec.name)
    report("held-out people: " + "  ".join(f"{name} {value:.4g}" for name, value in outcome.metrics.items()))
    return outcome, {
        "step": fit.step,
        "kept_step": fit.kept_step,
        "seed": train_config.seed,
        "seconds": round(fit.seconds + time.monotonic() - started, 1),
        "processes": fit.world,
        "precision": str(fit.dtype).removeprefix("torch."),
    }


def _take_external(spec: TrainSpec, report: Callable[[str], None]) -> tuple[Outcome, dict[str, Any]]:
    """An identity encoder that somebody else has trained: measured on our held-out people and kept as if it were ours."""
    from swaptalk_models.modules.arcface import load_arcface
    from swaptalk_models.training.objectives.identity import IdentityObjective

    config = build_section(settings.IdentityEncoderConfig, spec.config)
    checksum = external_checksum(config.external, config.external_sha256)
    network, depth = load_arcface(config, spec.crop_size, spec.crop_margin)
    report(f"{spec.name}: IResNet {depth} of {config.external}, SHA-256 {checksum}")
    objective = IdentityObjective(config, TrainingData(Path(spec.home), Path(spec.snapshot)))
    outcome = objective.finish(network, Path(spec.output))
    save_model(spec.name, network, {"crop_size": spec.crop_size, "crop_margin": spec.crop_margin, "depth": depth}, Path(spec.output))
    external = {"file": Path(config.external).name, "sha256": checksum, "network": f"IResNet {depth}"}
    return outcome, {"step": 0, "external": external}


def build_objective(
    spec: TrainSpec, data: TrainingData | None = None, load: Callable[[str, Path], Any] = load_model
) -> tuple[Objective, dict[str, int]]:
    """The objective of ``spec.name``, and the shape that its network is built for.

    Args:
        data: by default the snapshot's.
        load: gives the frozen network of an input, from its name and folder.
    """
    # Imported here: each pulls in what only its own training needs.
    from swaptalk_models.training.objectives.identity import IdentityObjective
    from swaptalk_models.training.objectives.lip_sync import LipSyncObjective
    from swaptalk_models.training.objectives.swapper import FaceSwapperObjective
    from swaptalk_models.training.objectives.sync import LipExpertObjective, SyncJudgeObjective
    from swaptalk_models.training.objectives.vqgan import VQGANObjective
    from swaptalk_models.training.objectives.wav2lip import Wav2LipObjective

    data = data or TrainingData(Path(spec.home), Path(spec.snapshot), spec.config["train"].get("without", ()))
    shape = {"crop_size": spec.crop_size}
    if spec.name == "identity_encoder":
        return IdentityObjective(build_section(settings.IdentityEncoderConfig, spec.config), data), shape
    if spec.name == "sync_judge":
        return SyncJudgeObjective(build_section(settings.SyncJudgeConfig, spec.config), data), shape

    inputs = {name: load(name, Path(path)) for name, path in spec.inputs.items() if name != "swap_teacher"}
    if spec.name == "vqgan":
        config = build_section(settings.VQGANConfig, spec.config)
        return VQGANObjective(config, data, inputs["identity_encoder"]), shape | _latent_shape(spec, config)

    vqgan = inputs["vqgan"]
    shape |= _latent_shape(spec, vqgan.config)
    latent = (vqgan, Path(spec.inputs["vqgan"]).name, shape["grid"])
    if spec.name == "lip_expert":
        return LipExpertObjective(build_section(settings.LipExpertConfig, spec.config), data, *latent), shape
    if spec.name == "face_swapper":
        config = build_section(settings.FaceSwapperConfig, spec.config)
        return FaceSwapperObjective(config, data, *latent, inputs["identity_encoder"], Path(spec.inputs["swap_teacher"])), shape
    if spec.name == "lip_sync":
        return LipSyncObjective(build_section(settings.LipSyncConfig, spec.config), data, *latent, inputs["lip_expert"]), shape
    if spec.name == "wav2lip":
        return Wav2LipObjective(build_section(settings.Wav2LipConfig, spec.config), data, vqgan, inputs["lip_expert"]), shape
    raise ValueError(f"no training is called {spec.name!r}")


def _latent_shape(spec: TrainSpec, config: settings.VQGANConfig) -> dict[str, int]:
    return {"grid": spec.crop_size // config.factor, "dim": config.dim, "groups": config.groups}


def _make_teacher_pairs(spec: TrainSpec, report: Callable[[str], None]) -> tuple[Outcome, dict[str, Any]]:
    from swaptalk_models.training.swap_teacher import draw_pairs, make_pairs, swap_pair
    from swaptalk_models.inference.encode import LatentEncoder
    from swaptalk_models.metrics.crop_judges import crop_identities
    from swaptalk_models.training.samples import save_grid

    config = build_section(settings.SwapTeacherConfig, spec.config)
    encoder = LatentEncoder(Path(spec.inputs["vqgan"]))
    home, manifest, folder = Path(spec.home), Path(spec.snapshot), Path(spec.output)
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    table = make_pairs(home, manifest, config, folder, encoder.encode, report, workers)

    data = TrainingData(home, manifest)
    pairs = [pair for pair in draw_pairs(data, "test", 32, config.seed) if pair[0].person != pair[2].person][:16]
    sources = np.array([clip.first + frame for clip, frame, _, _ in pairs])
    targets = np.array([clip.first + frame for _, _, clip, frame in pairs])
    source_crops, target_crops = data.crops(sources), data.crops(targets)
    swapped = np.stack([swap_pair(data, pair, config.colour_strength) for pair in pairs])
    save_grid([source_crops[:12], target_crops[:12], swapped[:12]], folder / "samples" / "teacher.png")
    of_source = crop_identities(source_crops, data.landmarks[sources])
    of_target = crop_identities(target_crops, data.landmarks[targets])
    of_swap = crop_identities(swapped, data.landmarks[targets])
    metrics = {
        "source_similarity": float((of_swap * of_source).sum(1).mean()),
        "target_similarity": float((of_swap * of_target).sum(1).mean()),
    }
    baselines = {"source_similarity": float((of_target * of_source).sum(1).mean())}
    return Outcome(metrics, baselines), {"step": len(table), "seed": config.seed}
