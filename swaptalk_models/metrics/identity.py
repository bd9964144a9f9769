"""Identity: similarity to the source, retrieval from a gallery, Consistency over time.

All work on unit-norm embeddings (N, D) of frames of one video, from the identity judge that the result names. No
generator may have been trained against that judge.

id_similarity  mean cosine between the frames and the source picture; -1 to 1, higher is better.
id_retrieve    share of frames whose nearest picture in a gallery of source identities is the right one, in percent (0
               to 100, higher is better); the protocol of FaceShifter and SimSwap, top 1 by cosine. The gallery's size
               drives the number: it is reported.
consistency    SwapTalk's metric; its formula is not published. Ours: 100 x the mean cosine over all pairs of different
               frames of one video, averaged over videos. -100 to 100, a still scores 100, higher is steadier.
Beside it      mean-to-source over time (`cosine`), and `frame_to_frame`, the mean cosine of neighbouring samples.
Excludes       frames without a face; long videos are sampled evenly (`EvaluationConfig.identity_frames`) and
               the count is reported.
"""

from __future__ import annotations

import numpy as np


def cosine(embeddings: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Cosine of each of (N, D) to one (D,) vector: (N,)."""
    return _unit(embeddings) @ _unit(reference)


def id_similarity(embeddings: np.ndarray, source: np.ndarray) -> float:
    """Mean cosine of (N, D) frames to the source (D,); NaN for no frame."""
    return float(cosine(embeddings, source).mean()) if len(embeddings) else float("nan")


def id_retrieve(embeddings: np.ndarray, gallery: np.ndarray, right: int | np.ndarray) -> float:
    """Percent of (N, D) frames whose nearest row of the gallery (G, D) is `right` (one index, or one a frame).

    NaN for no frame.
    """
    if not len(embeddings):
        return float("nan")
    nearest = np.argmax(_unit(embeddings) @ _unit(gallery).T, axis=1)
    return float(100 * np.mean(nearest == right))


def consistency(embeddings: np.ndarray) -> float:
    """100 x mean cosine over all pairs of different frames (N, D) of one video; NaN below two frames."""
    count = len(embeddings)
    if count < 2:
        return float("nan")
    # The sum over all ordered pairs is the squared norm of the sum, less the N pairs of a frame with itself.
    total = _unit(embeddings).sum(axis=0)
    return float(100 * (total @ total - count) / (count * (count - 1)))


def frame_to_frame(embeddings: np.ndarray) -> float:
    """100 x mean cosine of each sampled frame to the next one; NaN below two frames."""
    if len(embeddings) < 2:
        return float("nan")
    unit = _unit(embeddings)
    return float(100 * np.mean(np.sum(unit[1:] * unit[:-1], axis=1)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
