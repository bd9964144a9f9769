"""How much a rehearsal is held on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from swaptalk_models.graph.models import MODELS
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.settings.preset import Preset

LONG_FRAMES = 141 * 25
"""HDTF's longest clip."""
_TRAINING_FRAMES = 100  # of a training clip: room for as many windows as a batch takes of one
_SHORT_FRAMES = 25
_LOOK_AT_A_MINUTE = ("lip_expert", "sync_judge")
_TEST_PEOPLE = 8  # 56 pairs of two people, of which the face swapper's test takes 48


@dataclass(frozen=True)
class Size:
    """What memory must not grow with, and what it may."""

    samples: int
    """Samples of a micro-batch."""
    pairs: int
    """Held-out pairs of the swap teacher."""
    frames: int
    """Frames of the longest held-out clip."""
    test_people: int = _TEST_PEOPLE

    @property
    def clips(self) -> Mapping[str, tuple[int, ...]]:
        """Frames of each clip, a person each, by split."""
        short = min(self.frames, _SHORT_FRAMES)
        test = (self.frames, *(short,) * (self.test_people - 1))
        return {"train": (_TRAINING_FRAMES,) * 6, "validation": (self.frames, short), "test": test}


def shortened(name: str, size: Size) -> Size:
    """As large, but not as long: three micro-batches of pairs, and a clip of ten seconds; or of a minute, for what looks at one at once."""
    seconds = 61 if name in _LOOK_AT_A_MINUTE else 10
    return dataclasses.replace(size, pairs=min(size.pairs, 3 * size.samples), frames=min(size.frames, 25 * seconds))


def train_config(name: str, preset: Preset) -> TrainConfig:
    """The budget of a training; it may be another's (`wav2lip.train: null`)."""
    own: TrainConfig | None = getattr(preset, name).train
    return own if own is not None else train_config(MODELS[name].budget_of, preset)


def step_samples(name: str, preset: Preset) -> int:
    """Samples of a micro-batch in the preset."""
    train = train_config(name, preset)
    return train.batch // (train.processes * train.accumulate)


def full_size(name: str, preset: Preset, frames: int = LONG_FRAMES) -> Size:
    """As the preset has it, and a clip as long as HDTF's longest."""
    samples = step_samples(name, preset) if name in MODELS and MODELS[name].objective else 0
    return Size(samples, preset.swap_teacher.held_out_pairs, frames)


def cut_to(name: str, preset: Preset, size: Size) -> Preset:
    """The preset with the micro-batch of ``size`` as the whole batch of this training, in one process, in float32."""
    train = dataclasses.replace(
        train_config(name, preset), batch=size.samples, accumulate=1, processes=1, dtype="float32", compile=False
    )
    return dataclasses.replace(preset, **{name: dataclasses.replace(getattr(preset, name), train=train)})
