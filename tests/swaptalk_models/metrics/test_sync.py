"""The sync scores of a judge that recognises every moment."""

import numpy as np
import pytest

from swaptalk_models.metrics.sync import offset_distances, sync_score


@pytest.fixture
def moments() -> np.ndarray:
    """One embedding a window start: unlike all others."""
    return np.random.default_rng(0).normal(size=(80, 32)).astype(np.float32)


def test_in_step_scores_offset_zero(moments):
    score = sync_score(moments, moments)
    assert score.av_offset == 0 and score.lse_d == 0
    assert score.lse_c == pytest.approx(np.median(score.curve)) and score.lse_c > 5
    assert score.curve.shape == (31,) and score.windows == 80


@pytest.mark.parametrize("shift", [-7, -1, 5])
def test_sound_that_comes_early_has_a_positive_offset(moments, shift):
    early = np.roll(moments, -shift, axis=0)  # what the picture shows at frame i sounds at frame i - shift
    score = sync_score(moments, early)
    assert score.av_offset == shift
    assert score.lse_d == pytest.approx(0, abs=1e-3) or shift < 0  # the roll wraps at one end only


def test_a_shift_leaves_lse_as_it_is(moments):
    """Why the offset is always reported beside LSE-C and LSE-D."""
    long = np.random.default_rng(1).normal(size=(200, 32)).astype(np.float32)
    in_step, shifted = sync_score(long[20:150], long[20:150]), sync_score(long[20:150], long[25:155])
    assert shifted.av_offset == 5 and shifted.lse_d == in_step.lse_d == 0
    assert shifted.lse_c == pytest.approx(in_step.lse_c, rel=0.05)


def test_windows_without_a_face_do_not_count(moments):
    spoilt, valid = moments.copy(), np.ones(80, dtype=bool)
    spoilt[10:40], valid[10:40] = 99, False
    score = sync_score(spoilt, moments, valid=valid)
    assert score.av_offset == 0 and score.lse_d == 0 and score.windows == 50


def test_edges_as_in_the_original_are_padded_with_zeros(moments):
    means, pairs = offset_distances(moments, moments, 15, edges="zero")
    padded = np.concatenate([np.zeros((15, 32)), moments, np.zeros((15, 32))])
    expected = [np.linalg.norm(moments - padded[15 - offset : 95 - offset], axis=1).mean() for offset in range(-15, 16)]
    assert means == pytest.approx(expected, rel=1e-5) and set(pairs) == {80}


def test_a_short_video_has_no_score(moments):
    assert sync_score(moments[:19], moments[:19]) is None
    assert sync_score(moments[:20], moments[:20]) is not None
