"""Drift: whether a face stays the same person from the beginning of a video to its end.

Definition cosine of each sampled frame's identity to the mean of the video's first fifth; a line through those of the other four
           fifths over time.
             identity_drift      what the line loses or gains from the beginning of the video to its end, times 100.
             identity_slope      the same a minute, of videos of at least a minute.
             identity_by_minute  in the result's details: the mean of each minute, times 100; to the source picture, too, where one
                                 is given (`similarity_by_minute`).
Units      100 x cosine; 0: no drift, below: another person by and by. A head that turns away late drifts as well: read it beside
           the ground truth.
Judge      the identity judge named in the result.
Source     ours, beside SwapTalk's consistency, which cannot tell drift from flicker.
Excludes   frames without a face; fewer than 10 sampled frames. Of long videos at least 12 frames a minute are sampled.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.metrics.embedding import cosine, unit

FRAMES_A_MINUTE = 12
_FEWEST = 10
_MINUTE = 60.0  # s


def frames_to_sample(asked: int, frames: int) -> int:
    """At how many of a video's frames, 25 a second, the identity judge looks."""
    return max(asked, round(FRAMES_A_MINUTE * frames / 25 / _MINUTE))


def to_beginning(embeddings: np.ndarray) -> np.ndarray:
    """100 x cosine of embeddings (N, D), in order of time, to the mean of their first fifth: (N,)."""
    beginning = unit(embeddings[: max(1, len(embeddings) // 5)]).mean(axis=0)
    return 100 * cosine(embeddings, beginning)


def identity_drift(embeddings: np.ndarray, times: np.ndarray, seconds: float) -> float:
    """From embeddings (N, D) at rising times (N,) s of a video of so many seconds; NaN below 10."""
    if len(embeddings) < _FEWEST:
        return float("nan")
    first = len(embeddings) // 5
    later, likeness = np.asarray(times, np.float64)[first:], to_beginning(embeddings)[first:]
    later = later - later.mean()
    return float(later @ likeness / (later @ later) * seconds)


def by_minute(values: np.ndarray, times: np.ndarray) -> list[float]:
    """Mean of values (N,) at times (N,) s over each minute that has any, in order."""
    minutes = (np.asarray(times) // _MINUTE).astype(int)
    return [float(values[minutes == minute].mean()) for minute in np.unique(minutes)]
