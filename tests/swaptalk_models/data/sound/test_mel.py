"""The data contract of the log-mel."""

import numpy as np
import pytest

from swaptalk_models.data.sound.mel import (
    MEL_RATE,
    is_silent,
    log_mel,
    mel_bank,
    mel_start,
    mel_window,
    mel_windows,
    shift_mel,
)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(0, 0.1, 16000 * 2).astype(np.float32)


def test_golden_values():
    """Rows 0, 7, 10, 20 and bands 0, 10, 30, 50, 79 as librosa 0.11 gives them (see test_equals_librosa)."""
    mel = log_mel((0.1 * np.random.default_rng(0).uniform(-1, 1, 4000)).astype(np.float32))
    expected = [
        [-1.6744, -1.0759, -0.6333, -0.0500, 0.7793],
        [-1.3611, -0.9807, -0.5111, 0.3786, 0.7303],
        [-2.0423, -1.3706, -0.4645, 0.2759, 0.5743],
        [-0.8573, -1.0569, -1.3408, -0.0226, 0.7584],
    ]
    assert mel[[0, 7, 10, 20]][:, [0, 10, 30, 50, 79]] == pytest.approx(np.array(expected), abs=1e-3)


@pytest.mark.slow  # librosa and numba take their time to import
def test_equals_librosa(noise):
    librosa = pytest.importorskip("librosa")
    emphasised = np.append(noise[:1], noise[1:] - 0.97 * noise[:-1])
    spectrum = np.abs(librosa.stft(emphasised, n_fft=800, hop_length=200, win_length=800, pad_mode="reflect"))
    bank = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    assert mel_bank() == pytest.approx(bank, abs=1e-6)
    decibel = 20 * np.log10(np.maximum(1e-5, bank @ spectrum)) - 20
    expected = np.clip(8 * (decibel + 100) / 100 - 4, -4, 4).T
    assert log_mel(noise) == pytest.approx(expected, abs=1e-3)


def test_range_shape_and_type(noise):
    for audio in (noise, np.zeros(16000), np.sign(noise), noise[:2], noise[:300]):
        mel = log_mel(audio)
        assert mel.shape == (1 + len(audio) // 200, 80) and mel.dtype == np.float32
        assert mel.min() >= -4 and mel.max() <= 4
    assert (log_mel(np.zeros(16000)) == -4).all()


def test_a_tone_lights_its_own_band():
    mel = log_mel(0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000))
    edges = np.flatnonzero(mel_bank()[:, 50])  # bin 50 is 1000 Hz
    assert mel[20:60].mean(0).argmax() in edges


def test_a_click_lies_at_its_step():
    audio = np.zeros(16000, np.float32)
    audio[8000] = 1.0
    assert log_mel(audio).mean(1).argmax() == 8000 * MEL_RATE // 16000


def test_long_audio_in_blocks_equals_one_block(noise, monkeypatch):
    whole = log_mel(noise)
    monkeypatch.setattr("swaptalk_models.data.sound.mel.BLOCK", 17)
    assert log_mel(noise) == pytest.approx(whole, abs=1e-5)


def test_windows_start_at_the_rounded_step():
    assert [mel_start(f) for f in (0, 1, 2, 3, 4, 5, 10)] == [0, 3, 6, 10, 13, 16, 32]
    mel = np.arange(200, dtype=np.float32)[:, None].repeat(80, 1)
    assert mel_window(mel, 1)[:, 0].tolist() == list(range(3, 19))
    assert mel_window(mel, 5).shape == (16, 80) and mel_window(mel, 0, frames=25).shape == (80, 80)


def test_ends_are_repeated():
    mel = np.arange(32, dtype=np.float32)[:, None].repeat(80, 1)  # ten frames
    assert mel_window(mel, -5)[:, 0].tolist() == [0] * 16
    assert mel_window(mel, 8)[:, 0].tolist() == [*range(26, 32), *[31] * 10]


def test_training_and_inference_take_the_same_window(noise):
    mel = log_mel(noise)
    first = np.arange(-3, 55)
    assert np.array_equal(mel_windows(mel, first), np.stack([mel_window(mel, int(f)) for f in first]))


def test_a_frame_hears_its_own_time():
    """The loudest step of a click in frame 10 stands at the beginning of the window of frames 10 to 14."""
    audio = np.zeros(16000, np.float32)
    audio[10 * 640] = 1.0
    assert mel_window(log_mel(audio), 10).mean(1).argmax() == 0


def test_refuses_stereo():
    with pytest.raises(ValueError, match="mono"):
        log_mel(np.zeros((2, 100)))


@pytest.mark.parametrize("frames", [5, -5])
def test_shifted_sound_is_that_of_other_frames(frames):
    mel = np.arange(160, dtype=np.float32)[:, None] * np.ones(80, np.float32)
    moved = shift_mel(mel, frames)
    assert moved.shape == mel.shape and shift_mel(mel, 0) is mel
    np.testing.assert_array_equal(mel_window(moved, 20), mel_window(mel, 20 - frames))
    np.testing.assert_array_equal(moved[[0, -1]], mel[[0, 159 - 16]] if frames > 0 else mel[[16, -1]])


def test_silence_is_known(noise):
    assert is_silent(log_mel(np.zeros(16000, np.float32))) and is_silent(np.zeros((0, 80), np.float32))
    assert not is_silent(log_mel(noise)) and not is_silent(log_mel(0.01 * noise)), "a quiet voice is none"
    mostly = np.concatenate([np.zeros(16000, np.float32), noise[:1600]])
    assert not is_silent(log_mel(mostly))
