"""Similarity to the source, and retrieval from a gallery, on hand-made embeddings."""

import numpy as np
import pytest

from swaptalk_models.metrics.id_retrieve import id_retrieve
from swaptalk_models.metrics.id_similarity import id_similarity

GALLERY = np.eye(4)


def test_similarity_is_the_mean_cosine():
    frames = np.array([[1.0, 0, 0, 0], [0, 2.0, 0, 0]])
    assert id_similarity(frames, np.array([5.0, 0, 0, 0])) == pytest.approx(0.5)


def test_retrieval_counts_nearest_neighbours_in_percent():
    frames = np.array([[0.9, 0.1, 0, 0], [0.6, 0.5, 0, 0], [0.1, 0.9, 0, 0], [0, 0, 0, 1.0]])
    assert id_retrieve(frames, GALLERY, 0) == 50
    assert id_retrieve(frames, GALLERY, np.array([0, 0, 1, 3])) == 100
    assert id_retrieve(frames, GALLERY, 2) == 0


def test_no_frame_gives_no_value():
    assert np.isnan(id_similarity(GALLERY[:0], GALLERY[0])) and np.isnan(id_retrieve(GALLERY[:0], GALLERY, 0))
