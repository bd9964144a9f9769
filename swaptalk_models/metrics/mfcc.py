"""MFCC as the official SyncNet hears them.

Those of the package python_speech_features 0.6 with its defaults (a test holds it to that package's values): 16 kHz, pre-emphasis 0.97,
windows of 25 ms every 10 ms without a taper, 512-point power spectrum, 26 triangular filters from 0 to 8 kHz on the mel scale
2595 log10(1 + f / 700) with corners on whole FFT bins, logarithm, orthonormal DCT-II, 13 coefficients, sine lifter 22; coefficient 0
is the logarithm of the window's energy.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

RATE = 16000
WINDOW, STEP, FFT = 400, 160, 512  # samples
FILTERS, COEFFICIENTS, LIFTER = 26, 13, 22
PREEMPHASIS = 0.97
_BLOCK = 4096  # windows transformed at once
_TINY = np.finfo(float).eps


def mfcc(samples: np.ndarray) -> np.ndarray:
    """MFCC (N, 13) float32, 100 a second, of 16-bit samples (S,), S at least 1. The last window is filled with zeros."""
    assert samples.ndim == 1 and len(samples)
    signal = samples.astype(np.float64)
    signal = np.append(signal[0], signal[1:] - PREEMPHASIS * signal[:-1])
    count = 1 + max(0, -(-(len(signal) - WINDOW) // STEP))
    signal = np.append(signal, np.zeros(max(0, (count - 1) * STEP + WINDOW - len(signal))))
    windows = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::STEP][:count]
    filters, lift = _filters(), 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    rows = np.empty((count, COEFFICIENTS), np.float32)
    for start in range(0, count, _BLOCK):
        power = np.square(np.abs(np.fft.rfft(windows[start : start + _BLOCK], FFT))) / FFT
        bands, energy = power @ filters.T, power.sum(axis=1)
        found = dct(np.log(np.where(bands == 0, _TINY, bands)), type=2, axis=1, norm="ortho")[:, :COEFFICIENTS] * lift
        found[:, 0] = np.log(np.where(energy == 0, _TINY, energy))
        rows[start : start + _BLOCK] = found
    return rows


def _filters() -> np.ndarray:
    """Triangles (26, 257) between corners on whole FFT bins."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595) - 1)
    left, centre, right = (np.floor((FFT + 1) * corners / RATE)[i : FILTERS + i, None] for i in range(3))
    bins = np.arange(FFT // 2 + 1)
    rising, falling = (bins - left) / np.maximum(centre - left, 1), (right - bins) / np.maximum(right - centre, 1)
    return np.where((bins >= left) & (bins < centre), rising, np.where((bins >= centre) & (bins < right), falling, 0))
