"""Figures by group: whom the models serve worst.

Drawn people have known traits (skin, age, sex, beard, glasses, pitch of the voice); of real ones goes what is measured (light on
the face, how far it is turned, its size), above and below the median over the videos. A group is held against all other videos by
the difference of the means, with a bootstrap interval over videos that is widened (Bonferroni) so that all comparisons together
hold with `evaluation.confidence`. Both settings count: self-driven and cross-driven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.compare.verdicts import LEAST_VIDEOS
from swaptalk_models.evaluation.files import METRICS_FILE
from swaptalk_models.evaluation.measure.drawn_people import drawn_people
from swaptalk_models.evaluation.measure.scene_metrics import metrics_folder
from swaptalk_models.metrics.conditions import CONDITIONS
from swaptalk_models.metrics.confidence import Interval, bootstrap_difference, bootstrap_mean
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.settings.evaluation import EvaluationConfig
from swaptalk_models.settings.methods import OURS
from swaptalk_models.settings.preset import Preset

FIGURES = ("id_similarity", "consistency", "mouth_correlation", "lse_c", "open_in_silence", "sharpness")
"""By which groups are held against each other, where they were measured."""
_FEWEST = LEAST_VIDEOS  # in a group, and outside of it, that are compared
_ROLES = {
    "source": ("skin", "age", "sex", "beard", "glasses"),
    "target": ("skin", "age", "sex", "beard", "glasses"),
    "audio": ("sex", "pitch"),
}
_CALLED = {"source": "source", "target": "target", "audio": "voice"}
Traits = Mapping[str, Mapping[str, str]]
"""Person -> trait -> in words."""


@dataclass(frozen=True)
class Group:
    """Our videos that share a trait."""

    who: str
    """Of the source, the target or the voice."""
    trait: str
    value: str
    videos: int
    cells: Mapping[str, Interval]
    """By metric, of `FIGURES`."""

    @property
    def label(self) -> str:
        return f"{self.who}, {self.trait}: {self.value}"


@dataclass(frozen=True)
class Deficit:
    """By how much a group is worse than all other videos in one figure."""

    group: Group
    metric: str
    rest: float
    """Mean of the others."""
    loss: Interval
    """Of the figure, in its unit; positive: worse."""

    @property
    def decided(self) -> bool:
        """Whether the whole interval says so."""
        return self.loss.low is not None and self.loss.low > 0

    @property
    def sentence(self) -> str:
        metric, cell, loss = BY_KEY[self.metric], self.group.cells[self.metric], self.loss
        between = f", {metric.write(loss.low)} to {metric.write(loss.high)}" if loss.low is not None else ""
        return (
            f"{self.group.label}: {metric.label} {metric.write(cell.value)} instead of {metric.write(self.rest)} "
            f"(worse by {metric.write(loss.value)}{between}; {cell.videos} videos)"
        )


def by_group(
    rows: Sequence[Mapping[str, Any]], people: Mapping[str, str], traits: Traits, config: EvaluationConfig
) -> tuple[list[Group], list[Deficit]]:
    """Our figures of every group, and every group's deficit, the largest in its own uncertainty first.

    Args:
        rows: the metrics, a row a video.
        people: clip -> person, of the held-out people.
        traits: see `evaluation/measure/drawn_people.py`; empty for real people.
    """
    ours = [row for row in rows if row["method"] == OURS]
    members = _members(ours, people, traits)
    known = [name for name in FIGURES if any(row.get(name) is not None for row in ours)]
    groups = []
    for (who, trait, value), inside in sorted(members.items()):
        cells = {
            name: bootstrap_mean(
                [ours[number].get(name) for number in inside], config.bootstrap_samples, config.confidence, config.seed
            )
            for name in known
        }
        groups.append(Group(who, trait, value, len(inside), cells))
    compared = [
        (group, name, inside)
        for group, inside in zip(groups, (members[key] for key in sorted(members)), strict=True)
        for name in known
        if min(len(side) for side in _sides(ours, inside, name)) >= _FEWEST
    ]
    confidence = 1 - (1 - config.confidence) / max(len(compared), 1)
    found = [
        _deficit(group, name, *_sides(ours, inside, name), confidence, config.seed) for group, name, inside in compared
    ]
    return groups, sorted(found, key=_severity, reverse=True)


def worst_served(groups: Sequence[Group], deficits: Sequence[Deficit]) -> list[str]:
    """Sentences that say whom the models serve worst, for a report and a model card."""
    if not groups:
        return []
    if not deficits:
        few = f"Too few videos to hold groups against each other: {_FEWEST} in a group and outside of it are needed."
        return [few, *(f"Lowest, of too few videos to say: {text}." for text in _lowest(groups))]
    decided = [deficit for deficit in deficits if deficit.decided]
    if decided:
        return [deficit.sentence for deficit in decided]
    lowest = {
        deficit.metric: deficit for deficit in reversed(deficits) if deficit.loss.value and deficit.loss.value > 0
    }
    return [
        f"No group is measurably worse off than the others ({len(deficits)} comparisons, whose intervals hold together)."
    ] + [f"Lowest, within chance: {deficit.sentence}." for deficit in lowest.values()]


def _lowest(groups: Sequence[Group]) -> list[str]:
    """The group with the worst mean in each figure of the faces and the lips, of those with more than one video."""
    found = []
    for name in ("id_similarity", "mouth_correlation"):
        known = [
            (BY_KEY[name].rank(cell.value), group)
            for group in groups
            if (cell := group.cells.get(name)) and cell.low is not None and cell.value is not None
        ]
        if known:
            group = max(known, key=lambda one: one[0])[1]
            cell = group.cells[name]
            found.append(f"{group.label}: {BY_KEY[name].label} {BY_KEY[name].write(cell.value)} ({cell.videos} videos)")
    return found


def groups_of(home: Home, preset: Preset) -> tuple[list[Group], list[Deficit]]:
    """By the home's current measurements: see `by_group`."""
    snapshot = load_snapshot(home)
    rows = pq.read_table(metrics_folder(home, preset) / METRICS_FILE).to_pylist()
    people = {clip["clip"]: clip["person"] for clip in snapshot.clips("test")}
    return by_group(rows, people, drawn_people(home, snapshot).traits, preset.evaluation)


def _members(
    ours: Sequence[Mapping[str, Any]], people: Mapping[str, str], traits: Traits
) -> dict[tuple[str, str, str], list[int]]:
    """(who, trait, value) -> numbers of the videos; traits that all share say nothing."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for number, row in enumerate(ours):
        for role, names in _ROLES.items():
            own = traits.get(_person(row[role], people), {})
            for name in names:
                if name in own:
                    found.setdefault((_CALLED[role], name, own[name]), []).append(number)
    for condition in CONDITIONS:
        values = {n: row[condition.key] for n, row in enumerate(ours) if row.get(condition.key) is not None}
        if not values or min(values.values()) == max(values.values()):
            continue
        middle = float(np.median(list(values.values())))
        for number, value in values.items():
            word = condition.above if value > middle else condition.below
            found.setdefault(("target", condition.label, word), []).append(number)
    several = {(who, trait) for who, trait, _ in found if sum(key[:2] == (who, trait) for key in found) > 1}
    return {key: numbers for key, numbers in found.items() if key[:2] in several}


def _person(name: str, people: Mapping[str, str]) -> str:
    """Of a file: a source picture is called after its person, a video or sound after its clip, or begins so if it is a piece."""
    stem = name.rpartition(".")[0]
    return next((who for clip, who in people.items() if stem == clip or stem.startswith(f"{clip}_")), stem)


def _sides(ours: Sequence[Mapping[str, Any]], inside: Sequence[int], name: str) -> tuple[list[float], list[float]]:
    """The group's values and those of all others."""
    chosen = set(inside)
    values = [(number in chosen, row.get(name)) for number, row in enumerate(ours)]
    return [v for within, v in values if within and v is not None], [
        v for within, v in values if not within and v is not None
    ]


def _deficit(
    group: Group, name: str, inside: list[float], outside: list[float], confidence: float, seed: int
) -> Deficit:
    worse = [[BY_KEY[name].rank(value) for value in side] for side in (inside, outside)]
    loss = bootstrap_difference(worse[0], worse[1], paired=False, confidence=confidence, seed=seed)
    return Deficit(group, name, float(np.mean(outside)), loss)


def _severity(deficit: Deficit) -> float:
    loss = deficit.loss
    width = (loss.high - loss.low) if loss.low is not None and loss.high is not None else 0.0
    return (loss.value or 0.0) / width if width else 0.0
