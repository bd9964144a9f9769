"""How fast every training steps at the size of the home's preset: on the home's own data where it has been trained, else on random data.

A minute or two. Nothing is kept, and nothing of the home is changed.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.run_settings import last_settings
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import own_models
from swaptalk_models.settings.preset import Preset, load_preset

if TYPE_CHECKING:
    from swaptalk_models.training.data import TrainingData
    from swaptalk_models.training.objective import Objective

TRAINED = tuple(spec.name for spec in own_models() if spec.objective)
SECONDS = 1.5  # a figure
_HELD_DECODED = 64  # px; above, a corpus of any size does not fit into memory decoded
_LATE = 0.9  # of the training: all losses have joined


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Of each training: steps a second, share of the time spent on waiting for batches, and how many times as fast bfloat16 is as float32.
    Of cached codes: frames a second, beside decoding crops and encoding them on the fly.
    """
    settings = last_settings(Home(home))
    preset = load_preset(settings.preset, settings.overrides)
    found: dict[str, float | str] = {"preset": preset.name}
    for name in TRAINED:
        objective, found["data"] = _objective(name, preset, home, workdir)
        by_dtype = {
            dtype: _pace(objective, getattr(preset, name).train, dtype, workdir) for dtype in ("float32", "bfloat16")
        }
        best = max(by_dtype, key=lambda dtype: by_dtype[dtype][0])
        found[f"{name}_steps_per_second"], found[f"{name}_waiting_share"] = by_dtype[best]
        found[f"{name}_bfloat16_times"] = by_dtype["bfloat16"][0] / by_dtype["float32"][0]
        if name == "lip_expert":
            found |= _codes(objective, getattr(preset, name).train.batch)
    return found


def _objective(name: str, preset: Preset, home: Path, workdir: Path) -> tuple[Objective, str]:
    """The training's objective, and where its data are from."""
    from swaptalk_models.data.snapshot import load_snapshot
    from swaptalk_models.rehearsal.random_data import RandomData, rehearsed
    from swaptalk_models.training.inputs import read_inputs
    from swaptalk_models.training.run import build_objective
    from swaptalk_models.training.spec import plan

    try:
        snapshot = load_snapshot(Home(home))
        return build_objective(read_inputs(plan(name, home, preset, snapshot.path, snapshot.version)), name)[
            0
        ], "the home's"
    except UserError:
        data = RandomData(preset, decoded=preset.face_crops.size <= _HELD_DECODED)
        return rehearsed(name, preset, workdir, data)[0], "random"


def _pace(objective: Objective, train, dtype: str, workdir: Path) -> tuple[float, float]:
    from swaptalk_models.training.loop import Fit

    config = dataclasses.replace(train, dtype=dtype, minutes=0.0, steps=max(train.steps, 1000))
    fit = Fit(objective, None, config, workdir, lambda line: None)
    fit.step = int(_LATE * fit.config.steps)
    return fit.pace(SECONDS)


def _codes(objective, batch: int) -> dict[str, float]:
    """Frames a second that a batch of windows of lips takes from cached codes, and from the stored crops."""
    import numpy as np
    import torch

    from swaptalk_models.modules.images import to_unit

    data: TrainingData = objective.data
    rng = np.random.default_rng(0)

    @torch.inference_mode()
    def encode(rows: np.ndarray) -> None:
        objective.vqgan.tokenize(torch.from_numpy(to_unit(data.crops(rows))))

    def frames_a_second(take) -> float:
        take(rng.integers(0, data.frames, batch))
        count, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < SECONDS:
            take(rng.integers(0, data.frames, batch))
            count += batch
        return count / passed

    cached = frames_a_second(lambda rows: torch.from_numpy(objective.lower[rows].astype(np.int64)))
    encoded = frames_a_second(encode)
    return {
        "cached_codes_frames_per_second": cached,
        "encoded_frames_per_second": encoded,
        "cached_codes_times": cached / encoded,
    }
