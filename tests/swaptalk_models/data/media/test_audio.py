"""Sound, in time with its picture."""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.errors import BadClip


def write_media(path, sound, rate=44100, codec="aac", layout="stereo", shift_s=0.0, picture_shift_s=0.0, hole=None):
    """A grey 25 fps picture and the mono ``sound`` on all channels. hole: (start_s, end_s) of samples left out."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track = container.add_stream(codec, rate=rate, layout=layout)
        for k in range(len(sound) * 25 // rate):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = k + round(25 * picture_shift_s), Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for start in range(0, len(sound), 1024):
            if hole and hole[0] <= start / rate < hole[1]:
                continue
            piece = np.repeat(sound[start : start + 1024].astype(np.float32), track.codec_context.layout.nb_channels)
            frame = av.AudioFrame.from_ndarray(piece[None], "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start + round(rate * shift_s), Fraction(1, rate)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path


def clicks(rate, seconds=3, at=(0.5, 1.0, 2.0)):
    sound = np.zeros(int(seconds * rate), np.float32)
    for moment in at:
        start = int(moment * rate)
        sound[start : start + rate // 100] = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(rate // 100) / rate)
    return sound


def onsets(audio, rate=16000):
    """Starts of bursts (s)."""
    loud = np.flatnonzero(np.abs(audio) > 0.25)
    return loud[np.r_[True, np.diff(loud) > rate // 10]] / rate


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [("a.mp4", "aac", 44100, "stereo"), ("a.mp4", "aac", 16000, "mono"), ("a.mp4", "aac", 48000, "7.1"),
     ("a.mov", "pcm_s16le", 48000, "stereo"), ("a.mkv", "libopus", 48000, "stereo"),
     ("a.mp4", "libmp3lame", 44100, "stereo")],
)  # fmt: skip
def test_sound_is_where_its_picture_is(tmp_path, name, codec, rate, layout):
    audio = read_audio(write_media(tmp_path / name, clicks(rate), rate, codec, layout))
    assert audio.dtype == np.float32 and audio.ndim == 1 and np.abs(audio).max() <= 1
    assert onsets(audio) == pytest.approx([0.5, 1.0, 2.0], abs=0.003)


def test_parts_are_the_same_as_the_whole(tmp_path):
    # Up to 3 kHz, as most of speech: a part's sample grid lies up to half a sample off the whole's.
    sound = np.convolve(np.random.default_rng(0).normal(0, 0.5, 44100 * 4), np.hanning(30) / 15, "same")
    path = write_media(tmp_path / "a.mp4", sound)
    whole = read_audio(path)
    part = read_audio(path, start_s=2.0, stop_s=3.0)
    assert len(part) == 16000
    assert np.corrcoef(part, whole[32000:48000])[0, 1] > 0.99
    assert len(read_audio(path, start_s=3.9, stop_s=9.0)) < 3200 and len(read_audio(path, stop_s=0.0)) == 0


def test_sound_that_starts_late_or_early(tmp_path):
    late = write_media(tmp_path / "late.mkv", clicks(48000), 48000, "pcm_s16le", shift_s=0.4)
    assert onsets(read_audio(late)) == pytest.approx([0.9, 1.4, 2.4], abs=0.003)
    early = write_media(tmp_path / "early.mkv", clicks(48000), 48000, "pcm_s16le", picture_shift_s=0.4)
    assert onsets(read_audio(early)) == pytest.approx([0.1, 0.6, 1.6], abs=0.003)


def test_holes_are_silent_and_move_nothing(tmp_path):
    path = write_media(tmp_path / "a.mkv", clicks(48000), 48000, "pcm_s16le", hole=(0.6, 1.5))
    assert onsets(read_audio(path)) == pytest.approx([0.5, 2.0], abs=0.003)


def test_resampled_tone_keeps_its_level(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(44100 * 2) / 44100)
    audio = read_audio(write_media(tmp_path / "a.mov", tone, 44100, "pcm_s16le"))
    assert np.abs(audio[1000:-1000]).max() == pytest.approx(0.5, abs=0.01)


def test_no_audio_and_no_media(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(BadClip, match="a.mp4: no audio stream"):
        read_audio(tmp_path / "a.mp4")
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(BadClip, match="b.wav"):
        read_audio(tmp_path / "b.wav")


def test_wav_round_trip(tmp_path):
    sound = np.linspace(-1.2, 1.2, 16000).astype(np.float32)
    write_wav(tmp_path / "a.wav", sound)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (
            1,
            2,
            16000,
            16000,
        )
    assert read_audio(tmp_path / "a.wav") == pytest.approx(np.clip(sound, -1, 1), abs=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.real
def test_real_clip_has_the_length_of_its_picture(real_clips):
    audio = read_audio(real_clips / "clips" / "WDA_KatieHill_000.mp4")
    assert len(audio) / 16000 == pytest.approx(8.0, abs=0.1) and audio.std() > 0.01
