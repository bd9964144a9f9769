"""One row of a results table: the metrics of many videos, each with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce

from swaptalk_models.metrics.confidence import Interval, bootstrap, bootstrap_mean
from swaptalk_models.metrics.evaluate import VideoScores
from swaptalk_models.metrics.fid import FeatureStatistics, frechet_distance
from swaptalk_models.metrics.table import FURTHER, METRICS
from swaptalk_models.settings.evaluation import EvaluationConfig


def summarise(scores: Sequence[VideoScores], config: EvaluationConfig | None = None) -> dict[str, Interval]:
    """An `Interval` for each of `METRICS` and `FURTHER`, over the videos of one method and setting.

    Means over videos; the Frechet distance is taken once, between the pooled frames of all videos and of all targets.
    """
    config = config or EvaluationConfig()
    values: dict[str, list[float | None]] = {name: [s.metrics[name] for s in scores] for name in METRICS}
    values |= {name: [s.details.get(name) for s in scores] for name in FURTHER}
    row = {
        name: bootstrap_mean(known, config.bootstrap_samples, config.confidence, config.seed)
        for name, known in values.items()
    }
    featured = [s for s in scores if s.features is not None and s.target_features is not None]
    row["fid"] = bootstrap(
        featured, _pooled_distance, config.frechet_samples, config.confidence, config.seed, least=0.0
    )
    return row


def total_excluded(scores: Sequence[VideoScores]) -> dict[str, int]:
    """Excluded frames by reason, over all videos."""
    return dict(sum((Counter(s.excluded) for s in scores), Counter()))


def _pooled_distance(scores: Sequence[VideoScores]) -> float:
    """Of the frames of all videos together, which are never held at once."""
    ours = reduce(FeatureStatistics.merge, (s.features.load() for s in scores if s.features))
    theirs = reduce(FeatureStatistics.merge, (s.target_features.load() for s in scores if s.target_features))
    return frechet_distance(ours, theirs)
