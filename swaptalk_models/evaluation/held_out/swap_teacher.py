"""The swap teacher on test people: whose face is on its swaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from swaptalk_models.evaluation.held_out.picture_grid import save_grid
from swaptalk_models.metrics.crop_judges import crop_identities
from swaptalk_models.settings.models import SwapTeacherConfig
from swaptalk_models.settings.section import build_section
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.spec import TrainSpec
from swaptalk_models.training.swap_teacher import draw_pairs, swap_pair

_DRAWN, _MEASURED, _SHOWN = 32, 16, 12


def measure_swap_teacher(spec: TrainSpec) -> Outcome:
    """Cosines of its swaps to source and target, dlib judge."""
    config = build_section(SwapTeacherConfig, spec.config)
    data = TrainingData(Path(spec.home), Path(spec.snapshot), held=False)
    pairs = [pair for pair in draw_pairs(data, "test", _DRAWN, config.seed) if pair[0].person != pair[2].person][
        :_MEASURED
    ]
    sources = np.array([clip.first + frame for clip, frame, _, _ in pairs])
    targets = np.array([clip.first + frame for _, _, clip, frame in pairs])
    source_crops, target_crops = data.crops(sources), data.crops(targets)
    swapped = np.stack([swap_pair(data, pair, config.colour_strength) for pair in pairs])
    shown = slice(0, _SHOWN)
    save_grid([source_crops[shown], target_crops[shown], swapped[shown]], Path(spec.output) / "samples" / "teacher.png")
    of_source = crop_identities(source_crops, data.landmarks[sources])
    of_target = crop_identities(target_crops, data.landmarks[targets])
    of_swap = crop_identities(swapped, data.landmarks[targets])
    metrics = {
        "source_similarity": float((of_swap * of_source).sum(1).mean()),
        "target_similarity": float((of_swap * of_target).sum(1).mean()),
    }
    return Outcome(metrics, {"source_similarity": float((of_target * of_source).sum(1).mean())})
