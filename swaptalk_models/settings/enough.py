"""How much is enough: of people, speech, disk and memory. Every limit stands here, with its reason. Light: no data are read."""

from __future__ import annotations

from dataclasses import dataclass

ENOUGH, FEW, TOO_FEW = "enough", "few", "too few"
"""What is said of an amount."""


@dataclass(frozen=True)
class Limit:
    """Two amounts, and what follows below them."""

    enough: float
    """From here on it is enough."""
    few: float
    """From here on it is few; below, too few."""
    why: str
    """Where the two come from."""
    if_few: str
    if_too_few: str
    if_enough: str = ""

    def verdict(self, amount: float) -> str:
        """ENOUGH, FEW or TOO_FEW."""
        return ENOUGH if amount >= self.enough else FEW if amount >= self.few else TOO_FEW

    def follows(self, amount: float) -> str:
        """What follows from this amount, in words; nothing where it is enough."""
        return {ENOUGH: self.if_enough, FEW: self.if_few, TOO_FEW: self.if_too_few}[self.verdict(amount)]


TRAIN_PEOPLE = Limit(
    30,
    10,
    "docs/results/real.md: an expert that was shown 4, 8 and 14 real people told 0.57, 0.59 and 0.66 of the windows of others, and the curve had "
    "not bent; shown the demo's 50 drawn people it tells 0.89.",
    "lips follow the sound roughly: more people help more than more minutes of the same",
    "the lip expert may stay at chance",
)
"""People to train on."""
VALIDATION_PEOPLE = Limit(
    2,
    1,
    "Which step of a training is kept is decided by these people; of one alone it is that person's best step.",
    "one person decides which step of a training is kept",
    "nobody can validate",
)
TEST_PEOPLE = Limit(
    5,
    2,
    "Figures are means over these people. Two are the least that a face on another's video needs; docs/results/real.md has four, whose intervals are "
    "half as wide as the figures.",
    "figures have wide intervals: read these, not the means",
    "nobody can be tested",
)
TEST_VIDEOS = Limit(
    8,
    3,
    "The release gate calls a loss certain beyond an interval that is widened for some fifty figures. By Student's t that is 1.9 deviations between scenes "
    "with 8 videos, 6.5 with 4, 18 with 3; below `model_release.fewest_videos` nothing is compared.",
    "the release gate sees only a loss several times as large as scenes differ: raise evaluation.pairs",
    "the release gate compares nothing, and a worse model is released: raise evaluation.pairs",
)
"""Test videos a setting (self-driven, cross-driven). Its `few` is the preset's own."""
DRAWN_MINUTES = Limit(
    3,
    1,
    "The demo's 50 people speak for 3.5 minutes in all, from which its expert learns to tell 0.89.",
    "lips are learned roughly",
    "only the machinery is tried",
)
"""Minutes of drawn people to train on: they all speak alike clearly."""
REAL_MINUTES = Limit(
    60,
    5,
    "docs/results/real.md: with 6.6 minutes lips are learned, and far from well; ten times as much was not tried by us. HDTF has 950.",
    "lips are learned roughly",
    "only the machinery is tried",
)
"""Minutes of real people to train on."""
DISK = Limit(
    1.5,
    1.0,
    "Times the estimate, which is right to a third: how well pictures are compressed depends on their noise.",
    "the estimate is right to a third: keep an eye on it",
    "nothing is begun",
)
"""Free space over what is still needed."""
HOST_MEMORY = Limit(
    1.0,
    0.7,
    "Times the preset's budget, which every pass of its dry run fits into with a fifth to spare; the smaller passes need less.",
    "other programs may be swapped out",
    "a training may be killed: raise train.accumulate",
)
"""Memory of the machine over what the preset needs."""
GPU_MEMORY = Limit(
    1.0,
    0.8,
    HOST_MEMORY.why,
    "the largest pass may not fit: raise train.accumulate",
    "trainings will not fit: raise train.accumulate, or take a smaller preset",
)
"""Memory of the smallest CUDA device over what the preset needs."""
