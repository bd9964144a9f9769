"""Writing mp4 files."""

import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.data.media.video_writer import VideoWriter


def frame(k, height=48, width=64):
    return np.full((height, width, 3), (8 * k % 256, 100, 50), np.uint8)


def test_round_trip_with_sound(tmp_path):
    sound = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    with VideoWriter(tmp_path / "a.mp4", 64, 48, audio=sound) as writer:
        for k in range(25):
            writer.write(frame(k))
    info = probe(tmp_path / "a.mp4")
    assert (info.frames, info.fps, info.codec, info.pix_fmt, info.has_audio) == (25, 25.0, "h264", "yuv420p", True)
    frames = np.concatenate(list(read_frames(tmp_path / "a.mp4")))
    assert frames.mean((1, 2)) == pytest.approx(np.array([frame(k)[0, 0] for k in range(25)], float), abs=4)
    heard = read_audio(tmp_path / "a.mp4")
    assert 16000 <= len(heard) <= 16000 + 1024  # AAC comes in blocks of 1024
    assert np.corrcoef(heard[1000:15000], sound[1000:15000])[0, 1] > 0.99
    assert (tmp_path / "a.mp4").read_bytes().find(b"moov") < 100  # a browser can start before all of it has arrived


def test_odd_sizes_are_padded_with_the_edge(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 63, 47) as writer:
        for _ in range(5):
            writer.write(np.full((47, 63, 3), 200, np.uint8))
    frames = np.concatenate(list(read_frames(tmp_path / "a.mp4")))
    assert frames.shape == (5, 48, 64, 3) and frames.min() > 195


def test_sound_longer_than_the_picture_is_kept(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 64, 48, audio=np.full(32000, 0.1)) as writer:
        writer.write(frame(0))
    assert len(read_audio(tmp_path / "a.mp4")) >= 32000


def test_nothing_is_left_after_an_error(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4", 64, 48) as writer:
        writer.write(frame(0))
        raise RuntimeError
    with pytest.raises(ValueError, match="at least one frame"), VideoWriter(tmp_path / "a.mp4", 64, 48):
        pass
    with pytest.raises(ValueError, match="expected a uint8 frame"), VideoWriter(tmp_path / "a.mp4", 64, 48) as writer:
        writer.write(frame(0, height=50))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"] and (tmp_path / "a.mp4").read_bytes() == b"old"


def test_other_rates(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 64, 48, fps=29.97, audio=np.zeros(44100), rate=44100) as writer:
        for k in range(30):
            writer.write(frame(k))
    info = probe(tmp_path / "a.mp4")
    assert info.fps == pytest.approx(30000 / 1001, abs=0.01) and info.duration_s == pytest.approx(1.001, abs=0.01)
