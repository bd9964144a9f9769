"""Log-mel features, the one definition that training and inference share.

The values are the field's (Wav2Lip's): 16 kHz, pre-emphasis 0.97, 800-point FFT every 200 samples, 80 Slaney bands from
55 to 7600 Hz, amplitude in dB re 20 dB, floor -100 dB, scaled to [-4, 4]. librosa would take seconds to import; the
filter bank is a dozen lines, and a test holds it to librosa's.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from swaptalk_models.settings.data import MelConfig

MEL_RATE = 80  # steps/s
FRAME_RATE = 25  # frames/s
WINDOW_STEPS = 16  # steps that go with WINDOW_FRAMES frames: 0.2 s
WINDOW_FRAMES = 5
PREEMPHASIS = 0.97
FLOOR_DB = -100.0
REFERENCE_DB = 20.0
BLOCK = 4096  # steps transformed at once, so that memory stays small


def log_mel(audio: np.ndarray, config: MelConfig = MelConfig()) -> np.ndarray:
    """Log-mel of mono audio in [-1, 1] at 16 kHz.

    Step i is centred on sample ``i * hop``; the ends are mirrored.

    Args:
        audio: float (samples,), at least 2 samples.

    Returns:
        float32 (1 + samples // hop, 80) in [-4, 4].
    """
    if audio.ndim != 1 or len(audio) < 2:
        raise ValueError(f"log_mel needs mono audio of at least 2 samples, got shape {audio.shape}")
    audio = audio.astype(np.float32, copy=False)
    steps, half = 1 + len(audio) // config.hop, config.n_fft // 2
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.n_fft) / config.n_fft)).astype(np.float32)
    bank = mel_bank(config)
    mel = np.empty((steps, config.bands), np.float32)
    for start in range(0, steps, BLOCK):  # of a long film, one more copy of its sound is as large as all else together
        stop = min(start + BLOCK, steps)
        piece = _emphasised(audio, start * config.hop - half, (stop - 1) * config.hop + half)
        windows = np.lib.stride_tricks.sliding_window_view(piece, config.n_fft)[:: config.hop]
        spectrum = np.abs(np.fft.rfft(windows * hann, axis=1)).astype(np.float32)
        decibel = 20.0 * np.log10(np.maximum(10.0 ** (FLOOR_DB / 20.0), spectrum @ bank.T)) - REFERENCE_DB
        mel[start:stop] = np.clip(8.0 * (decibel - FLOOR_DB) / -FLOOR_DB - 4.0, -4.0, 4.0)
    return mel


def _emphasised(audio: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Samples start .. stop - 1 of the pre-emphasised sound, mirrored at its ends as often as it takes."""
    last = len(audio) - 1
    if start > 0 and stop <= last:
        return audio[start:stop] - np.float32(PREEMPHASIS) * audio[start - 1 : stop - 1]
    places = np.abs(np.arange(start, stop)) % (2 * last)
    places = np.where(places > last, 2 * last - places, places)
    before = audio[np.maximum(places - 1, 0)]
    return np.where(places > 0, audio[places] - np.float32(PREEMPHASIS) * before, audio[places])


@lru_cache(maxsize=4)
def mel_bank(config: MelConfig = MelConfig()) -> np.ndarray:
    """Triangular filters of equal area on Slaney's mel scale (Auditory Toolbox, 1998): float32
    (bands, n_fft // 2 + 1)."""
    edges = _mel_to_hz(np.linspace(_hz_to_mel(config.fmin), _hz_to_mel(config.fmax), config.bands + 2))
    bins = np.linspace(0, config.rate / 2, config.n_fft // 2 + 1)
    width = np.diff(edges)
    slopes = edges[:, None] - bins[None, :]
    rising, falling = -slopes[:-2] / width[:-1, None], slopes[2:] / width[1:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


# Slaney's scale: linear up to 1 kHz (200/3 Hz a mel), then 27 mels for each factor of 6.4.
_LINEAR_HZ, _BREAK_HZ, _LOG_STEP = 200.0 / 3.0, 1000.0, np.log(6.4) / 27.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ


def _hz_to_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _BREAK_HZ else _BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))


def mel_start(first_frame: int) -> int:
    """First mel step of the window that goes with the five frames from ``first_frame`` on: round(3.2 * first_frame)."""
    return round(first_frame * MEL_RATE / FRAME_RATE)


def mel_window(mel: np.ndarray, first_frame: int, frames: int = WINDOW_FRAMES) -> np.ndarray:
    """The mel steps (frames * 16 / 5, bands) that go with ``frames`` frames from ``first_frame`` on; ends are
    repeated."""
    steps = round(frames * MEL_RATE / FRAME_RATE)
    return mel[np.clip(np.arange(steps) + mel_start(first_frame), 0, len(mel) - 1)]


def mel_windows(mel: np.ndarray, first_frames: np.ndarray) -> np.ndarray:
    """``mel_window`` for many first frames (N,) at once: (N, 16, bands)."""
    starts = np.rint(np.asarray(first_frames) * (MEL_RATE / FRAME_RATE)).astype(np.int64)
    return mel[np.clip(starts[:, None] + np.arange(WINDOW_STEPS), 0, len(mel) - 1)]


def is_silent(mel: np.ndarray) -> bool:
    """Whether a log-mel (T, 80) says nothing at all: no step is louder than 12.5 dB above the scale's floor."""
    return len(mel) == 0 or bool(mel.mean(axis=1, dtype=np.float64).max() < -3.0)


def shift_mel(mel: np.ndarray, frames: int) -> np.ndarray:
    """Sound that comes ``frames`` too early (negative: too late), in step again: (steps, bands) to the same shape; ends
    are repeated.
    """
    if not frames:
        return mel
    return mel[np.clip(np.arange(len(mel)) - round(frames * MEL_RATE / FRAME_RATE), 0, len(mel) - 1)]


def centred_windows(mel: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Mel windows (N, 16, 80) with the frames (N,) in the middle: of five frames, the third."""
    return mel_windows(mel, np.asarray(frames) - WINDOW_FRAMES // 2)


def mel_likeness(first: np.ndarray, second: np.ndarray, max_lag: int = 48, seconds: float = 60) -> float:
    """Whether two log-mels (T, 80) are of one sound: their largest correlation within `max_lag` steps (48: 15 frames),
    -1 to 1.

    Each band's mean is taken off, so that two voices in one room do not count as one sound. Only the first minute is
    looked at.
    """
    steps = int(80 * seconds)
    first, second = (mel[:steps] - mel[:steps].mean(axis=0) for mel in (first, second))
    best = -1.0
    for lag in range(-max_lag, max_lag + 1):
        ours, theirs = first[max(lag, 0) :], second[max(-lag, 0) :]
        length = min(len(ours), len(theirs))
        if length < 20:
            continue
        ours, theirs = ours[:length].ravel(), theirs[:length].ravel()
        norm = np.linalg.norm(ours) * np.linalg.norm(theirs)
        best = max(best, float(ours @ theirs / norm)) if norm > 0 else best
    return best
