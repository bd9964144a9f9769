"""Consistency: how steady the identity is over one video. And its two companions.

Source     SwapTalk's metric; its formula is not published, so these are ours.
Definition consistency     100 x mean cosine over all pairs of different sampled frames of one video.
           mean_to_source  100 x mean cosine of the sampled frames to the source picture (id_similarity on this scale).
           frame_to_frame  100 x mean cosine of neighbouring frames (40 ms apart): flicker, which neither of the others tells from slow drift.
Units      -100 to 100; a still scores 100; higher is steadier. A head that turns lowers all of them: read them beside the ground-truth row.
Excludes   as id_similarity; frame_to_frame looks at pairs whose two frames both have a face (`sampled_neighbours` in the result).
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.metrics.embedding import cosine, unit


def consistency(embeddings: np.ndarray) -> float:
    """100 x mean cosine over all pairs of different frames (N, D) of one video; NaN below two frames."""
    count = len(embeddings)
    if count < 2:
        return float("nan")
    # The sum over all ordered pairs is the squared norm of the sum, less the N pairs of a frame with itself.
    total = unit(embeddings).sum(axis=0)
    return float(100 * (total @ total - count) / (count * (count - 1)))


def mean_to_source(embeddings: np.ndarray, source: np.ndarray) -> float:
    """100 x mean cosine of frames (N, D) to the source (D,); NaN for no frame."""
    return float(100 * cosine(embeddings, source).mean()) if len(embeddings) else float("nan")


def frame_to_frame(frames: np.ndarray, following: np.ndarray) -> float:
    """100 x mean cosine of each of the frames (N, D) to the one that follows it (N, D); NaN for no pair."""
    assert frames.shape == following.shape
    return float(100 * np.mean(np.sum(unit(frames) * unit(following), axis=1))) if len(frames) else float("nan")
