"""One row of a results table: the metrics of many videos, each with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce

from swaptalk_models.metrics.confidence import Interval, bootstrap, bootstrap_mean
from swaptalk_models.metrics.evaluate import METRICS, VideoScores
from swaptalk_models.metrics.fid import FeatureStatistics, frechet_distance
from swaptalk_models.metrics.settings import EvaluationConfig


def summarise(scores: Sequence[VideoScores], config: EvaluationConfig | None = None) -> dict[str, Interval]:
    """An `Interval` for each of `METRICS`, and for mouth_correlation, over the videos of one method and setting.

    Means over videos; the Frechet distance is taken once, between the pooled frames of all videos and of all targets.
    """
    config = config or EvaluationConfig()
    row = {
        name: bootstrap_mean(
            [s.metrics[name] for s in scores], config.bootstrap_samples, config.confidence, config.seed
        )
        for name in METRICS
    }
    openings = [s.details.get("mouth_correlation") for s in scores]
    row["mouth_correlation"] = bootstrap_mean(openings, config.bootstrap_samples, config.confidence, config.seed)
    featured = [s for s in scores if s.features is not None and s.target_features is not None]
    row["fid"] = bootstrap(featured, _pooled_distance, config.frechet_samples, config.confidence, config.seed)
    return row


def total_excluded(scores: Sequence[VideoScores]) -> dict[str, int]:
    """Excluded frames by reason, over all videos."""
    return dict(sum((Counter(s.excluded) for s in scores), Counter()))


def _pooled_distance(scores: Sequence[VideoScores]) -> float:
    ours = reduce(FeatureStatistics.merge, (s.features for s in scores))
    theirs = reduce(FeatureStatistics.merge, (s.target_features for s in scores))
    return frechet_distance(ours, theirs)
