"""A training's objective without data: random pictures, codes and sound of the right shapes, and networks fresh from their start.

For what depends on sizes alone: the dry run of a preset, and figures of speed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch import nn

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.regions import region_labels
from swaptalk_models.data.media.png import decode_png, encode_png
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.quantizer import VectorQuantizer
from swaptalk_models.modules.weights import build_network
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.training.inputs import TrainingInputs, read_inputs
from swaptalk_models.training.objective import HeldOut, Objective
from swaptalk_models.training.pair_table import CODES, write_pairs
from swaptalk_models.training.run import build_objective
from swaptalk_models.training.spec import TrainSpec

_FRAMES = 100  # of a clip: room for as many windows as a batch takes of one
_PICTURES = 16  # different crops
CLIPS: Mapping[str, tuple[int, ...]] = {"train": (_FRAMES,) * 6, "validation": (_FRAMES,) * 2, "test": (_FRAMES,) * 2}
"""Frames of each clip, a person each, by split."""


class RandomData(TrainingData):
    """What a snapshot of a few people would give."""

    def __init__(self, preset: Preset, decoded: bool = True, clips: Mapping[str, tuple[int, ...]] = CLIPS) -> None:
        """
        Args:
            decoded: crops are held decoded, as those of a small corpus are; else every one is decoded when it is wanted.
        """
        self.preset, self.decoded = preset, decoded
        self.rng = np.random.default_rng(0)
        self.clips, self.frames = [], 0
        for split, lengths in clips.items():
            for frames in lengths:
                self.clips.append(Clip(f"person {len(self.clips)}", len(self.clips), split, self.frames, frames))
                self.frames += frames
        self.people = [clip.name for clip in self.clips]

    @cached_property
    def pictures(self) -> np.ndarray:
        """(16, S, S, 3) uint8: frame after frame shows one of these."""
        size = self.preset.face_crops.size
        coarse = self.rng.integers(0, 255, (_PICTURES, 24, 24, 3), np.uint8)
        return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC) for picture in coarse])

    @cached_property
    def stored(self) -> list[bytes]:
        """The pictures as PNG."""
        return [encode_png(picture) for picture in self.pictures]

    def crops(self, rows: np.ndarray) -> np.ndarray:
        shown = np.asarray(rows) % _PICTURES
        if self.decoded:
            return self.pictures[shown]
        return np.stack([decode_png(self.stored[number]) for number in shown])

    @cached_property
    def landmarks(self) -> np.ndarray:
        template = template_landmarks(self.preset.face_crops.size, self.preset.face_crops.margin)
        return np.repeat(template[None], self.frames, axis=0)

    @cached_property
    def labels(self) -> np.ndarray:
        crops = self.preset.face_crops
        return np.repeat(region_labels(self.landmarks[0], crops.size, crops.label_grid)[None], self.frames, axis=0)

    def codes(self, vqgan: str, grid: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.frames, self.preset.vqgan.groups, grid // 2, grid)
        upper, lower = (self.rng.integers(0, self.preset.vqgan.codes, shape, np.uint16) for _ in range(2))
        return upper, lower

    @cached_property
    def mels(self) -> dict[str, np.ndarray]:
        return {
            clip.name: self.rng.uniform(-4, 4, (clip.frames * 16 // 5, 80)).astype(np.float32) for clip in self.clips
        }


def rehearsed_inputs(name: str, preset: Preset, folder: Path, data: RandomData, pairs: int = _FRAMES) -> TrainingInputs:
    """The inputs of a training of ``name`` at the preset's size. ``folder`` is empty, and takes ``pairs`` random held-out pairs of a teacher."""
    if "swap_teacher" in MODELS[name].inputs:
        _write_pairs(preset, data, folder, pairs)
    folders = {upstream: str(folder) for upstream in MODELS[name].inputs}
    config = dataclasses.asdict(own_config(name, preset))
    spec = TrainSpec(name, str(folder), config, preset.face_crops.size, str(folder), folders, str(folder))
    return read_inputs(spec, data, lambda upstream, _: untrained(upstream, preset))


def own_config(name: str, preset: Preset) -> Any:
    """The model's section of the preset, with the budget that it has."""
    config = getattr(preset, name)
    if MODELS[name].budget_of and config.train is None:
        return dataclasses.replace(config, train=getattr(preset, MODELS[name].budget_of).train)
    return config


def rehearsed(
    name: str, preset: Preset, folder: Path, data: RandomData, pairs: int = _FRAMES
) -> tuple[Objective, HeldOut]:
    """The objective of ``name`` at the preset's size, and what measures it. ``folder``, ``pairs``: see ``rehearsed_inputs``."""
    objective, held_out = build_objective(rehearsed_inputs(name, preset, folder, data, pairs), name)
    for module in objective.model.modules():
        if isinstance(module, VectorQuantizer):  # codebooks that have started, as for nearly all of a training
            module.started.fill_(True)
    return objective, held_out


def untrained(name: str, preset: Preset) -> nn.Module:
    """The network of ``name`` at the preset's size, with random weights."""
    shape = {
        "crop_size": preset.face_crops.size,
        "grid": preset.grid,
        "dim": preset.vqgan.dim,
        "groups": preset.vqgan.groups,
        "codes": preset.vqgan.codes,
        "identity": preset.identity_encoder.dim,
    }
    return build_network(name, own_config(name, preset), shape).eval().requires_grad_(False)


def _write_pairs(preset: Preset, data: RandomData, folder: Path, held_out: int) -> None:
    """As many training pairs as a clip has frames, and the held-out ones; a plain picture, which takes no time, stands for all swaps."""
    splits = ["train"] * _FRAMES + ["validation"] * held_out
    source, target = data.clips[:2]
    frames = min(source.frames, target.frames)
    size = preset.face_crops.size
    plain = encode_png(np.full((size, size, 3), 128, np.uint8))
    points = template_landmarks(size, preset.face_crops.margin).ravel()
    cells = preset.vqgan.groups * preset.grid * preset.grid // 2
    with write_pairs(folder) as writer:
        for first in range(0, len(splits), _FRAMES):
            rows = [
                {
                    "source_clip": source.name,
                    "source_frame": number % frames,
                    "target_clip": target.name,
                    "target_frame": number % frames,
                    "split": splits[number],
                    "crop": plain,
                    "source_landmarks": points,
                }
                for number in range(first, min(first + _FRAMES, len(splits)))
            ]
            codes = data.rng.integers(0, preset.vqgan.codes, (len(rows), cells), np.uint16)
            writer.write(rows, dict.fromkeys(CODES, codes))
