"""Identity metrics on hand-made embeddings."""

import numpy as np
import pytest

from swaptalk_models.metrics.identity import consistency, frame_to_frame, id_retrieve, id_similarity

GALLERY = np.eye(4)


def test_similarity_is_the_mean_cosine():
    frames = np.array([[1.0, 0, 0, 0], [0, 2.0, 0, 0]])
    assert id_similarity(frames, np.array([5.0, 0, 0, 0])) == pytest.approx(0.5)


def test_retrieval_counts_nearest_neighbours_in_percent():
    frames = np.array([[0.9, 0.1, 0, 0], [0.6, 0.5, 0, 0], [0.1, 0.9, 0, 0], [0, 0, 0, 1.0]])
    assert id_retrieve(frames, GALLERY, 0) == 50
    assert id_retrieve(frames, GALLERY, np.array([0, 0, 1, 3])) == 100
    assert id_retrieve(frames, GALLERY, 2) == 0


def test_consistency_of_a_still_is_100_and_matches_the_pairs():
    still = np.tile(np.random.default_rng(0).normal(size=128), (9, 1))
    assert consistency(still) == pytest.approx(100)
    frames = np.random.default_rng(1).normal(size=(7, 16))
    unit = frames / np.linalg.norm(frames, axis=1, keepdims=True)
    pairs = [unit[i] @ unit[j] for i in range(7) for j in range(i)]
    assert consistency(frames) == pytest.approx(100 * np.mean(pairs))


def test_frame_to_frame_sees_flicker_that_the_order_hides_from_consistency():
    a, b = np.array([1.0, 0]), np.array([0, 1.0])
    calm, flicker = np.stack([a, a, b, b]), np.stack([a, b, a, b])
    assert consistency(calm) == pytest.approx(consistency(flicker))
    assert frame_to_frame(calm) > frame_to_frame(flicker) == 0


def test_too_few_frames_give_no_value():
    assert np.isnan(consistency(GALLERY[:1])) and np.isnan(id_similarity(GALLERY[:0], GALLERY[0]))
