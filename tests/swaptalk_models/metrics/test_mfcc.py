"""MFCC against the values of the package that the official SyncNet uses."""

import numpy as np
import pytest

from swaptalk_models.metrics.mfcc import mfcc

# python_speech_features 0.6, `mfcc(samples, 16000)`, of the sound below.
GOLDEN = {
    0: [19.768314, 7.537708, -11.06875, 4.255015, -4.245032, -55.38304, -61.525885, 0.710346, 31.927247, -3.393091, -14.800022, 24.923252,
        37.88117],
    25: [20.207317, 4.757743, -10.798619, 17.634779, -35.620545, -59.05729, 0.20196, -16.936331, -30.834067, 31.056773, 25.207909,
         -4.613496, 23.09208],
}  # fmt: skip


def test_agrees_with_the_reference_implementation():
    t = np.arange(8000) / 16000
    sound = 8000 * np.sin(2 * np.pi * 440 * t) + 2000 * np.sin(2 * np.pi * 1800 * t * (1 + t))
    found = mfcc(np.round(sound).astype(np.int16))
    assert found.shape == (49, 13)
    for row, expected in GOLDEN.items():
        assert found[row] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("samples", "windows"), [(1, 1), (400, 1), (401, 2), (16000, 99)])
def test_a_window_every_10_ms_the_last_filled_up(samples, windows):
    assert mfcc(np.ones(samples, np.int16)).shape == (windows, 13)


def test_silence_is_finite():
    assert np.isfinite(mfcc(np.zeros(1000, np.int16))).all()
