"""A training's objective without data: random pictures, codes and sound of the right shapes, and networks fresh from their start.

For what depends on sizes alone: the dry run of a preset, and figures of speed.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from torch import nn

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.regions import region_labels
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.quantizer import VectorQuantizer
from swaptalk_models.modules.weights import build_network
from swaptalk_models.settings.preset import Preset
from swaptalk_models.training.data import Clip, TrainingData
from swaptalk_models.training.inputs import read_inputs
from swaptalk_models.training.objective import Objective
from swaptalk_models.training.pair_table import CODES, write_pairs
from swaptalk_models.training.run import build_objective
from swaptalk_models.training.spec import TrainSpec

_PEOPLE = {"train": 6, "validation": 2, "test": 2}
_FRAMES = 100  # of a clip: room for as many windows as a batch takes of one
_PICTURES = 16  # different crops


class RandomData(TrainingData):
    """What a snapshot of a few people would give.

    ``decoded``: crops are held decoded, as those of a small corpus are; else every one is decoded when it is wanted.
    """

    def __init__(self, preset: Preset, decoded: bool = True) -> None:
        self.preset, self.decoded = preset, decoded
        self.rng = np.random.default_rng(0)
        splits = [split for split, count in _PEOPLE.items() for _ in range(count)]
        self.people = [f"person {number}" for number in range(len(splits))]
        self.clips = [
            Clip(name, number, split, number * _FRAMES, _FRAMES)
            for number, (name, split) in enumerate(zip(self.people, splits, strict=True))
        ]
        self.frames = _FRAMES * len(self.clips)

    @cached_property
    def _crops(self) -> pa.ChunkedArray:
        size = self.preset.face_crops.size
        coarse = self.rng.integers(0, 255, (_PICTURES, 24, 24, 3), np.uint8)
        pngs = [encode_png(cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)) for picture in coarse]
        return pa.array([pngs[row % _PICTURES] for row in range(self.frames)], pa.large_binary())

    @cached_property
    def _pixels(self) -> np.ndarray | None:
        return super()._pixels if self.decoded else None

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
        steps = _FRAMES * 16 // 5
        return {clip.name: self.rng.uniform(-4, 4, (steps, 80)).astype(np.float32) for clip in self.clips}


def rehearsed_objective(name: str, preset: Preset, folder: Path, data: RandomData) -> Objective:
    """The objective of ``name`` at the preset's size. ``folder`` is empty, and takes the teacher's random pairs."""
    if "swap_teacher" in MODELS[name].inputs:
        _write_pairs(preset, data, folder)
    folders = {upstream: str(folder) for upstream in MODELS[name].inputs}
    config = dataclasses.asdict(getattr(preset, name))
    spec = TrainSpec(name, str(folder), config, preset.face_crops.size, str(folder), folders, str(folder))
    inputs = read_inputs(spec, data, lambda upstream, _: untrained(upstream, preset))
    objective, _ = build_objective(inputs, name)
    for module in objective.model.modules():
        if isinstance(module, VectorQuantizer):  # codebooks that have started, as for nearly all of a training
            module.started.fill_(True)
    return objective


def untrained(name: str, preset: Preset) -> nn.Module:
    """The network of ``name`` at the preset's size, with random weights."""
    shape = {"crop_size": preset.face_crops.size, "grid": preset.grid, "dim": preset.vqgan.dim, "groups": preset.vqgan.groups}
    return build_network(name, getattr(preset, name), shape).eval().requires_grad_(False)


def _write_pairs(preset: Preset, data: RandomData, folder: Path) -> None:
    count = 2 * _FRAMES
    rows = [
        {
            "source_clip": data.clips[0].name,
            "source_frame": number % _FRAMES,
            "target_clip": data.clips[1].name,
            "target_frame": number % _FRAMES,
            "split": ("train", "validation")[number % 2],
            "crop": data._crops[number].as_py(),
        }
        for number in range(count)
    ]
    upper, lower = (codes[:count].reshape(count, -1) for codes in data.codes("", preset.grid))
    with write_pairs(folder) as writer:
        writer.write(rows, dict(zip(CODES, (upper, lower, upper, lower), strict=True)))
