"""Steadiness of the identity, on hand-made embeddings."""

import numpy as np
import pytest

from swaptalk_models.metrics.consistency import consistency, frame_to_frame, mean_to_source


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
    assert frame_to_frame(calm[:-1], calm[1:]) > frame_to_frame(flicker[:-1], flicker[1:]) == 0


def test_mean_to_source_sees_a_steady_stranger_that_consistency_likes():
    frames, source = np.tile([0.6, 0.8], (5, 1)), np.array([2.0, 0])
    assert consistency(frames) == pytest.approx(100) and mean_to_source(frames, source) == pytest.approx(60)


def test_too_few_frames_give_no_value():
    assert np.isnan(consistency(np.eye(4)[:1]))
    assert np.isnan(frame_to_frame(np.zeros((0, 4)), np.zeros((0, 4))))
    assert np.isnan(mean_to_source(np.zeros((0, 4)), np.ones(4)))
