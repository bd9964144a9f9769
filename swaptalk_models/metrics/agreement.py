"""Whether two judges of one thing agree: correlation of their figures over videos, with an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from swaptalk_models.metrics.confidence import Interval, bootstrap
from swaptalk_models.metrics.second_judges import SECOND
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.settings.evaluation import EvaluationConfig
from swaptalk_models.settings.methods import GROUND_TRUTH

_FEWEST = 4  # videos: a correlation of three says nothing


@dataclass(frozen=True)
class Agreement:
    """Of one figure by two judges."""

    metric: str
    """By the first judge."""
    second: str
    """By the second."""
    correlation: Interval
    """Pearson's, over videos."""

    @property
    def sentence(self) -> str:
        value, low, high = (f"{end:.2f}" if end is not None else "–" for end in (
            self.correlation.value, self.correlation.low, self.correlation.high
        ))  # fmt: skip
        return (
            f"{BY_KEY[self.metric].label}: the two judges agree with a correlation of {value} ({low} to {high}) "
            f"over {self.correlation.videos} videos."
        )


def agreements(rows: Sequence[Mapping[str, Any]], config: EvaluationConfig) -> list[Agreement]:
    """Of every figure that has been taken by two judges on at least four made videos. `rows`: the metrics, a row a video."""
    found = []
    for second, first in SECOND.items():
        pairs = [
            (row[first], row[second])
            for row in rows
            if row["method"] != GROUND_TRUTH and row.get(first) is not None and row.get(second) is not None
        ]
        if len(pairs) >= _FEWEST:
            interval = bootstrap(
                pairs, _correlation, config.bootstrap_samples, config.confidence, config.seed, least=-1.0
            )
            high = min(interval.high, 1.0) if interval.high is not None else None
            found.append(Agreement(first, second, Interval(interval.value, interval.low, high, interval.videos)))
    return found


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """0 where a side is constant."""
    ours, theirs = (side - side.mean() for side in np.array(pairs, np.float64).T)
    norm = np.linalg.norm(ours) * np.linalg.norm(theirs)
    return float(ours @ theirs / norm) if norm > 1e-12 else 0.0
