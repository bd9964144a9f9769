"""data/faces/steady.py: what trembles is stilled, what moves is kept."""

import numpy as np

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.faces.steady import REACH, steadied

REST = np.repeat(template_landmarks(128)[None], 60, axis=0)


def trembling(landmarks: np.ndarray) -> float:
    return float(np.abs(np.diff(landmarks, n=2, axis=0)).mean())


def test_tremble_goes_and_speech_stays():
    opening = 4 * (1 - np.cos(2 * np.pi * 3 * np.arange(60) / 25))  # three syllables a second
    talking = REST.copy()
    talking[:, [65, 66, 67], 1] += opening[:, None]
    noisy = talking + np.random.default_rng(0).normal(0, 1, REST.shape).astype(np.float32)
    steady = steadied(noisy)
    assert steady.shape == noisy.shape and steady.dtype == np.float32
    assert trembling(steady - steadied(talking)) < 0.3 * trembling(noisy - talking)
    kept, wanted = mouth_opening(steadied(talking)), mouth_opening(talking)
    assert np.ptp(kept[5:-5]) > 0.7 * np.ptp(wanted[5:-5])
    agrees = [np.corrcoef(mouth_opening(found), wanted)[0, 1] for found in (noisy, steady)]
    assert agrees[1] > max(0.9, agrees[0])


def test_a_face_at_rest_and_a_single_frame_stay_as_they_are():
    assert np.allclose(steadied(REST), REST, atol=1e-4)
    assert np.allclose(steadied(REST[:1]), REST[:1], atol=1e-4)


def test_frames_out_of_reach_do_not_count():
    changed = REST.copy()
    changed[30] += 50
    moved = np.abs(steadied(changed) - REST).max(axis=(1, 2)) > 1e-3
    assert moved[30] and np.flatnonzero(moved).min() == 30 - REACH and np.flatnonzero(moved).max() == 30 + REACH
