"""A claim of the paper, and what our measurements say of it. Plain values: claims.py finds them, the report shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.metrics.power import MOST_VIDEOS

AGREE, DISAGREE, UNDECIDED, NOT_MEASURED = "agree", "disagree", "undecided", "not measured"
LEAST_VIDEOS = 6
"""Pairs of videos that a verdict needs: with fewer, even differences of one sign are no evidence at 95 % (sign test:
2 / 2 ** n)."""


@dataclass(frozen=True)
class ClaimRow:
    """One comparison that a claim of the paper consists of."""

    metric: str
    """Key of the metric."""
    better: str
    """What has the better figure, says the paper."""
    than: str
    delta: Interval
    """Ours: `better` less `than`, over pairs of videos."""
    verdict: str
    """AGREE, DISAGREE, UNDECIDED or NOT_MEASURED."""
    paper: float | None = None
    """The same difference in the paper's table."""
    needed: int | None = None
    """Pairs of videos that would decide a difference as large as the measured one (metrics/power.py); None: unknown."""


def needed_in_words(needed: int | None) -> str:
    """``ClaimRow.needed`` for a table."""
    if needed is None:
        return "–"
    return "out of reach" if needed >= MOST_VIDEOS else f"{needed:,}"


@dataclass(frozen=True)
class Claim:
    """A claim of the paper and what we measured."""

    text: str
    rows: list[ClaimRow]
    commands: list[str] = field(default_factory=list)
    """What measures the rows that were not measured."""

    @property
    def verdict(self) -> str:
        """AGREE where all rows do; DISAGREE where one does; NOT_MEASURED where none was; else UNDECIDED."""
        verdicts = {row.verdict for row in self.rows}
        if DISAGREE in verdicts:
            return DISAGREE
        return verdicts.pop() if len(verdicts) == 1 else UNDECIDED

    @property
    def counts(self) -> str:
        """How many rows have which verdict, in words."""
        verdicts = [row.verdict for row in self.rows]
        known = (AGREE, DISAGREE, UNDECIDED, NOT_MEASURED)
        return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in known if verdict in verdicts)
