"""Which of our metrics see what people see: Spearman's rank correlation over pairs, with intervals over scenes.

Definition over all pairs of a study: by how many raters the one video was preferred, as a share from -1 to 1, against by how
           much its figure is better, turned so that more is better. 1: the metric orders every pair as people do.
Why pairs  a handful of contestants has no correlation worth the name; dozens of pairs do.
Intervals  bootstrap over scenes: pairs of one scene share its difficulties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from swaptalk_models.evaluation.study.record import Study
from swaptalk_models.evaluation.study.votes import Vote
from swaptalk_models.metrics.confidence import Interval, percentile_interval
from swaptalk_models.metrics.table import BY_KEY

LEAST_PAIRS = 5
"""Fewer give no correlation."""


def metric_correlations(
    votes: Sequence[Vote], study: Study, confidence: float = 0.95, samples: int = 400, seed: int = 0
) -> dict[str, Interval]:
    """Metric -> its correlation with people, the best first; `videos` is the number of pairs."""
    said: dict[str, list[float]] = defaultdict(list)
    items = {item.id: item for item in study.items if not item.answer}
    for vote in votes:
        if vote.item in items:
            said[vote.item].append(0.0 if not vote.chosen else 1.0 if vote.chosen == items[vote.item].left else -1.0)
    judged = [items[name] for name in said]
    keys = {key for item in judged for side in (item.left, item.right) for key in study.videos[side].figures}
    found = {}
    for key in keys & BY_KEY.keys():
        pairs = [
            (item.scene, float(np.mean(said[item.id])), BY_KEY[key].gain(ours[key], theirs[key]))
            for item in judged
            for ours, theirs in [(study.videos[item.left].figures, study.videos[item.right].figures)]
            if key in ours and key in theirs
        ]
        interval = _interval(pairs, confidence, samples, seed)
        if interval is not None:
            found[key] = interval
    return dict(sorted(found.items(), key=lambda pair: -(pair[1].value or 0.0)))


def _interval(pairs: Sequence[tuple[str, float, float]], confidence: float, samples: int, seed: int) -> Interval | None:
    value = spearman([pair[1] for pair in pairs], [pair[2] for pair in pairs])
    if value is None:
        return None
    by_scene: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for scene, *point in pairs:
        by_scene[scene].append((point[0], point[1]))
    scenes = list(by_scene.values())
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(samples if len(scenes) > 1 else 0):
        drawn = [point for number in rng.integers(len(scenes), size=len(scenes)) for point in scenes[number]]
        one = spearman([point[0] for point in drawn], [point[1] for point in drawn])
        if one is not None:
            draws.append(one)
    if not draws:
        return Interval(value, None, None, len(pairs))
    low, high = percentile_interval(np.array(draws), confidence, len(scenes))
    return Interval(value, low, high, len(pairs))


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Rank correlation, ties with their mean rank. None below LEAST_PAIRS, or where one side is all the same."""
    if len(first) < LEAST_PAIRS:
        return None
    ranks = np.stack([rankdata(first), rankdata(second)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return None
    return float(np.corrcoef(ranks)[0, 1])
