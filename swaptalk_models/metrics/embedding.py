"""Cosines of identity embeddings: what id_similarity, id_retrieve and consistency share.

Embeddings are those of the identity judge that the result names, of frames or pictures whose face was found. No generator may
have been trained against that judge.
"""

from __future__ import annotations

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., D) as float64 of length 1."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def cosine(embeddings: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Cosine of each of (N, D) to one (D,) vector: (N,)."""
    return unit(embeddings) @ unit(reference)
