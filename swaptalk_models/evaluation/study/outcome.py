"""What people said, from files of votes: standings, agreement, who was left out, and which metrics see the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.agreement import agreement
from swaptalk_models.evaluation.study.bradley_terry import Standing, standings
from swaptalk_models.evaluation.study.metric_agreement import metric_correlations
from swaptalk_models.evaluation.study.record import KEY_FILE, Study, read_key, studies_folder
from swaptalk_models.evaluation.study.screening import screen
from swaptalk_models.evaluation.study.votes import Vote, read_votes, study_of
from swaptalk_models.metrics.confidence import Interval

SAMPLES = 500


@dataclass(frozen=True)
class StudyOutcome:
    """All that a study has brought."""

    study: str
    question: str
    raters: int
    """Whose votes count."""
    left_out: dict[str, str]
    """Rater -> why not."""
    votes: int
    """On pairs, of the raters that count; attention checks are none."""
    standings: list[Standing]
    alpha: float | None
    """Krippendorff's, between raters."""
    metrics: dict[str, Interval]
    """Metric -> its rank correlation with people."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_outcome(home: Home, files: Sequence[Path]) -> StudyOutcome:
    """
    Raises:
        UserError: no votes, a line that is none, or no rater whose votes count.
    """
    study = read_key(studies_folder(home) / study_of(files) / KEY_FILE)
    return judge(read_votes(files, study), study)


def judge(votes: Sequence[Vote], study: Study, samples: int = SAMPLES) -> StudyOutcome:
    """
    Args:
        samples: resamples behind each interval.

    Raises:
        UserError: no rater's votes count.
    """
    left_out = screen(votes, study)
    counted = [vote for vote in votes if vote.rater not in left_out]
    checks = {item.id for item in study.items if item.answer}
    if not any(vote.item not in checks for vote in counted):
        why = "; ".join(sorted(set(left_out.values()))) or "they judged attention checks alone"
        raise UserError(f"study {study.version}: no rater's votes count: {why}")
    return StudyOutcome(
        study.version,
        study.question,
        len({vote.rater for vote in counted}),
        left_out,
        sum(vote.item not in checks for vote in counted),
        standings(counted, study, samples=samples),
        agreement(counted, study),
        metric_correlations(counted, study, samples=samples),
    )
