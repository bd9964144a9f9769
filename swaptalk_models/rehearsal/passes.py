"""What a preset's networks are put through, as it is written elsewhere, on random data: on a device that is there or on one that is not.

every training   step, validation, finish
swap_teacher     make: its swaps and their sources through the VQGAN
test_videos      generation: one batch of a video through every network that a method of the preset uses
metrics          measuring: a batch of crops, and the sound of a long clip, through the sync judge
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.graph.models import MODELS
from swaptalk_models.inference.encode import LatentEncoder
from swaptalk_models.inference.generator import _BATCH as VIDEO_BATCH
from swaptalk_models.inference.networks import Networks
from swaptalk_models.modules.restorer import Restorer, restore_pixels
from swaptalk_models.modules.sync_judge import SyncJudge
from swaptalk_models.modules.wav2lip import Wav2Lip, speak_pixels
from swaptalk_models.modules.wav_sync_swap import WavSyncSwap, swap_and_speak_pixels
from swaptalk_models.rehearsal.random_data import RandomData, rehearsed, untrained
from swaptalk_models.rehearsal.size import Size
from swaptalk_models.settings.methods import models_needed
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.objective import Batch, HeldOut, Objective
from swaptalk_models.training.swap_teacher import JOB_PAIRS

STEP, VALIDATION, FINISH = "step", "validation", "finish"
TEACHER, VIDEOS, METRICS = "swap_teacher", "test_videos", "metrics"
OTHERS = {TEACHER: "make", VIDEOS: "generation", METRICS: "measuring"}
"""The one pass of each thing that is no training."""
_MEL_STEPS = 16 / 5  # a frame

Work = Callable[[], Any]


def held_out_passes(
    name: str, preset: Preset, size: Size, folder: Path, device: torch.device
) -> tuple[Objective, dict[str, Work]]:
    """A training's objective on ``device``, and its validation and finish. ``folder``: empty."""
    with torch.device(device) if device.type == "meta" else nullcontext():
        objective, held_out = rehearsed(name, preset, folder, RandomData(preset, clips=size.clips), size.pairs)
    objective.to(device)
    return objective, _held_out_work(objective, held_out, folder)


def _held_out_work(objective: Objective, held_out: HeldOut, folder: Path) -> dict[str, Work]:
    model = objective.model.eval()

    @torch.no_grad()
    def validate() -> None:
        held_out.validate(model)

    def finish() -> None:
        held_out.finish(model, folder)

    return {VALIDATION: validate, FINISH: finish}


def other_passes(name: str, preset: Preset, size: Size, device: torch.device) -> tuple[list[nn.Module], Work]:
    """The networks of what no training is (TEACHER, VIDEOS, METRICS), and its pass."""
    with torch.device(device) if device.type == "meta" else nullcontext():
        networks = {model: untrained(model, preset).to(device) for model in _runs_on(name, preset)}
    pictures = RandomData(preset).pictures
    work: Mapping[str, Callable[[], Any]] = {
        TEACHER: lambda: _encode(networks, pictures, device),
        VIDEOS: lambda: _generate(networks, preset, pictures, device),
        METRICS: lambda: _measure(networks, preset, pictures, size.frames),
    }
    return list(networks.values()), work[name]


def _runs_on(name: str, preset: Preset) -> tuple[str, ...]:
    if name == TEACHER:
        return MODELS[TEACHER].inputs
    if name == METRICS:
        return ("sync_judge",)
    compared = sorted(models_needed(preset.evaluation.methods))
    beside = ("identity_encoder",) if "wav_sync_swap" in compared else ()
    return ("vqgan", "face_swapper", "lip_sync", *compared, *beside)


def _encode(networks: Mapping[str, nn.Module], pictures: np.ndarray, device: torch.device) -> None:
    """As many swaps as come from a worker at a time, and their sources."""
    encoder = object.__new__(LatentEncoder)
    encoder.vqgan, encoder.device = networks["vqgan"], device
    encoder.encode(pictures[np.arange(2 * JOB_PAIRS) % len(pictures)])


def _generate(networks: Mapping[str, nn.Module], preset: Preset, pictures: np.ndarray, device: torch.device) -> None:
    """One batch of frames: swapped, made to speak, decoded; and in pixels, where a method does it there."""
    ours = Networks.of(networks, preset.face_crops, preset.face_tracks, preset.grid, device)
    crops = pictures[np.arange(VIDEO_BATCH) % len(pictures)]
    points = np.repeat(template_landmarks(preset.face_crops.size, preset.face_crops.margin)[None], len(crops), axis=0)
    windows = np.zeros((len(crops), 16, 80), np.float32)
    one, source = ours.encode(crops[:1], points[:1]), ours.encode_source(crops[0], points[0], points[0])
    ours.decode(ours.speak(ours.swap(source, ours.encode(crops, points)), one, windows))
    wav2lip = networks.get("wav2lip")
    if isinstance(wav2lip, Wav2Lip):
        speak_pixels(wav2lip, crops, crops, windows)
    end_to_end = networks.get("wav_sync_swap")
    if isinstance(end_to_end, WavSyncSwap):
        swap_and_speak_pixels(end_to_end, networks["identity_encoder"], crops, crops[0], windows)
    restorer = networks.get("restorer")
    if isinstance(restorer, Restorer):
        restore_pixels(restorer, ours.vqgan, crops)


def _measure(networks: Mapping[str, nn.Module], preset: Preset, pictures: np.ndarray, frames: int) -> None:
    judge = networks["sync_judge"]
    assert isinstance(judge, SyncJudge)
    crops = pictures[
        np.arange(preset.evaluation.batch_frames + 4) % len(pictures)
    ]  # four are carried over from the batch before
    judge.video_embeddings(crops)
    judge.features(crops)
    judge.audio_embeddings(np.zeros((int(frames * _MEL_STEPS), 80), np.float32), frames)


def one_step(objective: Objective, batch: Batch, dtype: torch.dtype) -> None:
    """Forward and backward of a micro-batch with all losses joined; the optimiser's own step is not taken."""
    for module in objective.model.modules():
        module.training = not hasattr(module, "started")  # a codebook's own update depends on values
    with torch.autocast(_kind(objective), dtype, enabled=dtype != torch.float32):
        loss, _ = objective.loss(batch, 1.0)
    loss.backward()  # type: ignore[no-untyped-call]  # torch does not say
    with torch.autocast(_kind(objective), dtype, enabled=dtype != torch.float32):
        objective.after_step([batch], 1.0)


def _kind(objective: Objective) -> str:
    return next(objective.model.parameters()).device.type
