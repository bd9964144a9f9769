"""What a report is made of. Plain values; nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from swaptalk_models.evaluation.compare.groups import Group
from swaptalk_models.evaluation.compare.verdicts import Claim
from swaptalk_models.metrics.agreement import Agreement
from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.settings.methods import SELF


class RowKind(StrEnum):
    """Whose row of the results it is; the page's style sheet knows these words."""

    TRUTH = "truth"
    OURS = "ours"
    VARIANT = "variant"
    """Ours, trained otherwise."""
    BASELINE = "baseline"


@dataclass(frozen=True)
class LineageNode:
    """One asset of the lineage."""

    name: str
    group: str
    """Assets of one group share a colour."""
    upstream: tuple[str, ...] = ()
    """Names of the assets it is made from."""
    detail: str = ""
    """A few words under the name: a version, a count."""


@dataclass(frozen=True)
class ResultRow:
    """One method in one setting."""

    method: str
    setting: str
    """SELF or CROSS."""
    cells: dict[str, Interval]
    """By metric, as `swaptalk_models.metrics.summary.summarise` gives them."""
    kind: RowKind = RowKind.BASELINE
    videos: int = 0
    """Videos behind the row."""


@dataclass(frozen=True)
class ModelMetric:
    """One held-out figure of one model, against what it has to reach."""

    name: str
    value: float | None
    threshold: float | None = None
    """What it has to reach; None: no threshold."""
    at_least: bool = True
    """Whether the value must be at least the threshold, or (False) at most, in absolute value."""
    baseline: float | None = None
    """What something trivial scores."""
    baseline_name: str = ""
    """What the trivial thing is: chance, a copied reference, the mean picture."""
    meaning: str = ""
    """One sentence."""
    own: float | None = None
    """On the test clips of the model's own training, which the baseline speaks of too. `value` is the same, or that of the finished videos."""
    others: dict[str, float] = field(default_factory=dict)
    """Further values to compare with, by what they are: the teacher, other audio."""

    @property
    def passed(self) -> bool | None:
        """Whether the threshold is met; None without one or without a value."""
        if self.threshold is None or self.value is None:
            return None
        return self.value >= self.threshold if self.at_least else abs(self.value) <= self.threshold


@dataclass(frozen=True)
class Picture:
    """A sample picture."""

    image: np.ndarray
    """uint8 RGB (H, W, 3)."""
    caption: str = ""


@dataclass
class ModelSection:
    """One trained model."""

    name: str
    version: str = ""
    metrics: list[ModelMetric] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    """Rows with "step" and any further numbers, one curve a key."""
    pictures: list[Picture] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    """Steps, parameters, seconds, device and the like."""


@dataclass(frozen=True)
class CaseClip:
    """One video of a case."""

    name: str
    """Target, or a method."""
    path: Path
    """An mp4 that browsers play (h264, AAC); it is put into the page."""
    metrics: dict[str, float | None] = field(default_factory=dict)
    """The `metrics` of its evaluation."""
    similarity: list[tuple[float, float]] = field(default_factory=list)
    """(seconds, cosine to the source)."""
    offset_curve: list[tuple[int, float]] = field(default_factory=list)
    """(offset in frames, mean distance of the sync judge)."""


@dataclass(frozen=True)
class VideoCase:
    """Videos of one scene side by side, played in step: the target first, then what was generated from it."""

    label: str
    clips: list[CaseClip]
    setting: str = SELF
    source: np.ndarray | None = None
    """Picture of the source, uint8 RGB (H, W, 3)."""
    note: str = ""
    rank: str = ""
    """Where it stands among the scenes of its setting: best, worst, ..."""


@dataclass(frozen=True)
class ChangeRow:
    """One figure of the newest models against the released ones."""

    metric: str
    """Key of the metric."""
    setting: str
    released: float | None
    new: float | None
    gain: Interval
    """By how much new is better than released, in the metric's unit."""
    verdict: str
    """better, worse, same or not compared."""
    why: str | None = None
    """Why it was not compared."""


@dataclass(frozen=True)
class ReleaseComparison:
    """The newest models against the release that there was before them."""

    released: str
    """Version of the release."""
    rows: list[ChangeRow]
    note: str = ""
    """Why nothing could be compared."""


@dataclass(frozen=True)
class Exclusion:
    """Something that was left out."""

    what: str
    """A clip, or a method and setting."""
    stage: str
    reason: str
    count: int | None = None
    """Frames; None: all of it."""


@dataclass(frozen=True)
class StageCost:
    """What a stage took in the last run."""

    stage: str
    seconds: float
    computed: int = 0
    cached: int = 0
    quarantined: int = 0


@dataclass
class ReportData:
    """A whole report. Empty parts are left out of the page."""

    title: str
    created: str
    """Date and time, as text."""
    preset: str
    summary: str = ""
    """A sentence or two under the title."""
    judges: dict[str, str | None] = field(default_factory=dict)
    """Names of the judges of identity, sync, fid and landmarks."""
    rows: list[ResultRow] = field(default_factory=list)
    """The results table; a row of kind ``RowKind.TRUTH`` in each setting."""
    claims: list[Claim] = field(default_factory=list)
    comparison: ReleaseComparison | None = None
    """Against the release before; None: there was none, or nothing was compared."""
    encoding: str = ""
    """The last compression that all videos were given before they were measured; empty: as they are."""
    groups: list[Group] = field(default_factory=list)
    """Our figures by groups of people and conditions."""
    worst_served: list[str] = field(default_factory=list)
    """Sentences that say whom the models serve worst."""
    agreements: list[Agreement] = field(default_factory=list)
    """Between two judges of one thing."""
    cases: list[VideoCase] = field(default_factory=list)
    models: list[ModelSection] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    """Pictures that belong to no one model."""
    lineage: list[LineageNode] = field(default_factory=list)
    exclusions: list[Exclusion] = field(default_factory=list)
    costs: list[StageCost] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=dict)
    """Snapshot, model versions, seeds, hardware."""
    packages: dict[str, str] = field(default_factory=dict)
    """Versions of the packages that matter."""
