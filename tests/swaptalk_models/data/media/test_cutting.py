"""Cutting clips by time stamps."""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.container import open_media
from swaptalk_models.data.media.cutting import cut_clip
from swaptalk_models.data.media.decoding import decode_frames
from swaptalk_models.data.media.pictures import deinterlaced
from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import ClipsConfig

from ..damage import overwritten, span

CONFIG = ClipsConfig(crf=4)
SIZE = (128, 96)
BITS = 8


def numbered(k, size=SIZE):
    """A picture that tells its own number in black and white bars."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for bit in range(BITS):
        if k >> bit & 1:
            image[:, bit * size[0] // BITS : (bit + 1) * size[0] // BITS] = 255
    return image


def numbers(path):
    """Which source frame each frame shows."""
    frames = np.concatenate(list(read_frames(path)))
    middle = (np.arange(BITS) * 2 + 1) * frames.shape[2] // (2 * BITS)
    bits = frames[:, frames.shape[1] // 2, middle, 0] > 128
    return (bits * (1 << np.arange(BITS))).sum(1)


def write_source(path, frames=60, rate=25, codec="libx264", size=SIZE, sound=True, pts=None, ticks=None, **options):
    """Frame k shows the number k; the sound is a burst at every whole second. pts in ticks of 1 / ticks s."""
    pts, ticks = pts or range(frames), ticks or rate
    rotation = options.pop("rotation", None)
    with av.open(str(path), "w") as container:
        picture = container.add_stream(codec, rate=ticks, options={key: str(value) for key, value in options.items()})
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        if rotation is not None:
            picture.set_display_rotation(rotation)
        track = container.add_stream("aac", rate=44100, layout="mono") if sound else None
        for k in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered(k, size), format="rgb24")
            frame.pts, frame.time_base = pts[k], Fraction(1, ticks)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if track:
            seconds = (pts[frames - 1] - pts[0]) / ticks
            wave_form = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(int(44100 * seconds)) / 44100).astype(np.float32)
            wave_form[np.arange(len(wave_form)) % 44100 > 441] = 0
            piece = av.AudioFrame.from_ndarray(wave_form[None], "fltp", "mono")
            piece.sample_rate, piece.pts, piece.time_base = 44100, 0, Fraction(1, 44100)
            container.mux(track.encode(piece))
            container.mux(track.encode(None))
    return Path(path)


def cut(source, start=None, end=None, config=CONFIG, **more):
    out = source.parent / "out"
    clip = cut_clip(source, out / "clip.mp4", out / "clip.wav", start, end, config, **more)
    info = probe(out / "clip.mp4")
    assert (info.frames, info.fps, info.pix_fmt, info.codec) == (clip.frames, 25.0, "yuv420p", "h264")
    assert (info.width, info.height) == (clip.width, clip.height) and info.rotation == 0
    with wave.open(str(out / "clip.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (16000, 1, 640 * clip.frames)
    assert sorted(path.name for path in out.iterdir()) == ["clip.mp4", "clip.wav"]
    return clip, out / "clip.mp4", out / "clip.wav"


def refused(source, start=None, end=None, config=CONFIG):
    out = source.parent / "out"
    with pytest.raises(BadClip) as caught:
        cut_clip(source, out / "clip.mp4", out / "clip.wav", start, end, config)
    assert not out.exists() or not list(out.iterdir())
    assert str(source) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_constant_25_h264_is_taken_over_as_it_is(tmp_path):
    clip, video, _sound = cut(write_source(tmp_path / "a.mp4"))
    assert clip.copied and clip.frames == 60
    assert numbers(video).tolist() == list(range(60))
    source = np.concatenate(list(read_frames(tmp_path / "a.mp4")))
    assert np.array_equal(np.concatenate(list(read_frames(video))), source)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_parts_are_frame_exact(tmp_path, name, codec):
    source = write_source(tmp_path / name, codec=codec, g=13)
    clip, video, _ = cut(source, 0.6, 1.8)
    assert not clip.copied and numbers(video).tolist() == list(range(15, 45))


def test_open_groups_of_pictures(tmp_path):
    source = write_source(tmp_path / "a.mp4", **{"x264-params": "open-gop=1:keyint=10:bframes=3:scenecut=0"})
    assert numbers(cut(source, 1.0, 2.2)[1]).tolist() == list(range(25, 55))


@pytest.mark.parametrize("rate", [30, 50, 24, 15])
def test_other_rates_by_time(tmp_path, rate):
    source = write_source(tmp_path / "a.mp4", frames=2 * rate, rate=rate)
    clip, video, _ = cut(source)
    assert clip.frames == 50 and numbers(video).tolist() == [k * rate // 25 for k in range(50)]


def test_variable_rate_by_time(tmp_path):
    steps = np.random.default_rng(0).integers(2, 8, 60)  # 20 to 80 ms
    pts = [0, *np.cumsum(steps)[:-1].tolist()]
    source = write_source(tmp_path / "a.mp4", frames=60, pts=pts, ticks=100)
    _, video, _ = cut(source, 0.5, 2.0)
    expected = [np.searchsorted(pts, 50 + 4 * k, side="right") - 1 for k in range(37 + 1)]
    assert numbers(video).tolist() == expected


def test_sound_belongs_to_the_picture(tmp_path):
    source = write_source(tmp_path / "a.mp4", frames=100)
    for start, bursts in ((None, [0.0, 1.0, 2.0, 3.0]), (0.72, [0.28, 1.28])):
        _, _, sound = cut(source, start, None if start is None else 2.72)
        loud = np.flatnonzero(np.abs(read_audio(sound)) > 0.2)
        assert loud[np.r_[True, np.diff(loud) > 1600]] / 16000 == pytest.approx(bursts, abs=0.003)


def test_missing_sound_at_the_end_is_silence(tmp_path):
    source = write_source(tmp_path / "a.mp4", frames=60)
    audio = read_audio(cut(source)[2])
    assert len(audio) == 60 * 640 and np.abs(audio[-200:]).max() < 1e-3


def test_late_first_picture_is_time_zero(tmp_path):
    source = write_source(tmp_path / "a.mkv", frames=60, pts=list(range(10, 70)))
    _clip, video, sound = cut(source)
    assert numbers(video).tolist() == list(range(60))
    loud = np.flatnonzero(np.abs(read_audio(sound)) > 0.2)
    assert loud[0] / 16000 == pytest.approx(0.6, abs=0.003)


def test_rotated_video_becomes_upright(tmp_path):
    clip, video, _ = cut(write_source(tmp_path / "a.mp4", rotation=-90))
    assert (clip.width, clip.height) == (SIZE[1], SIZE[0])
    ours = np.concatenate(list(read_frames(video))).astype(int)
    theirs = np.concatenate(list(read_frames(tmp_path / "a.mp4"))).astype(int)
    assert np.abs(ours - theirs).mean() < 2


def test_tall_video_is_scaled_and_odd_sizes_become_even(tmp_path):
    clip, video, _ = cut(write_source(tmp_path / "a.mp4"), config=ClipsConfig(max_height=64))
    assert (clip.width, clip.height) == (86, 64) and not clip.copied
    assert numbers(video).tolist() == list(range(60))


def test_crop_at_its_reference_resolution(tmp_path):
    source = write_source(tmp_path / "a.mp4")
    clip, video, _ = cut(source, crop=(16, 0, 32, 48), reference_height=48)  # the source has twice the height
    assert (clip.width, clip.height) == (64, 96)
    expected = np.concatenate(list(read_frames(source)))[:, :, 32:96]
    assert np.abs(np.concatenate(list(read_frames(video))).astype(int) - expected).mean() < 2
    with pytest.raises(BadClip, match="outside"):
        cut_clip(source, tmp_path / "b.mp4", tmp_path / "b.wav", None, None, CONFIG, crop=(500, 0, 50, 50))


def test_interlaced_video_is_deinterlaced(tmp_path):
    """Fields of different frames, as a camera of old would have: without a filter the bars would be combs."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": "tff=1", "crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        track = container.add_stream("aac", rate=16000, layout="mono")
        for k in range(30):
            image = np.zeros((96, 128, 3), np.uint8)
            for field in (0, 1):
                image[field::2, (4 * (2 * k + field)) % 96 :][:, :24] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 19200), np.float32), "fltp", "mono")
        piece.sample_rate, piece.pts, piece.time_base = 16000, 0, Fraction(1, 16000)
        container.mux(track.encode(piece))
        container.mux(track.encode(None))
    assert probe(path).interlaced

    def combs(frames):
        rows = np.stack(frames)[5:25, 10:-10, :, 0].astype(int)
        return np.abs(rows[:, 1:-1] * 2 - rows[:, :-2] - rows[:, 2:]).mean()

    with open_media(path) as container:
        stored = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    clip, video, _ = cut(path)
    assert clip.frames == 30 and combs(np.concatenate(list(read_frames(video)))) < 0.3 * combs(stored)
    assert combs(np.concatenate(list(read_frames(path)))) < 0.3 * combs(stored), "the same for whoever reads it"


def test_fields_that_begin_later_are_found(tmp_path):
    """A progressive opening in front of an interlaced programme, as a transport stream would have it."""
    path, parts = tmp_path / "a.ts", []
    for first, options in ((0, {}), (40, {"x264-params": "tff=1"})):
        part = write_source(
            tmp_path / f"{first}.ts", frames=30, sound=False, pts=range(first, first + 30), bf=0, **options
        )
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    assert not probe(path).interlaced
    with open_media(path) as container:
        frames = list(decode_frames(container, container.streams.video[0]))
    assert {frame.interlaced_frame for frame in frames} == {False, True}
    with open_media(path) as container:
        stream = container.streams.video[0]
        seen = list(deinterlaced(decode_frames(container, stream), stream))
    assert [f.pts * f.time_base for f in seen] == [f.pts * f.time_base for f in frames]
    assert not any(frame.interlaced_frame for frame in seen)


def pq(nits):
    """SMPTE ST 2084: code value (0 to 1) of a luminance (cd/m2)."""
    y = (np.asarray(nits) / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


def test_high_dynamic_range_becomes_ordinary(tmp_path):
    """Black stays black, a white page (203 cd/m2) is white, what is brighter is white as well."""
    nits = np.array([0, 5, 20, 50, 100, 203, 1000, 4000])
    levels = np.zeros((96, 128), np.uint16) + np.repeat(np.round(64 + 876 * pq(nits)), 16).astype(np.uint16)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        colours = "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
        stream = container.add_stream(
            "libx265", rate=25, options={"x265-params": colours, "crf": "4", "preset": "ultrafast"}
        )
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p10le"
        track = container.add_stream("aac", rate=16000, layout="mono")
        for k in range(30):
            frame = av.VideoFrame(128, 96, "yuv420p10le")
            for plane, values in zip(
                frame.planes, (levels, np.full((48, 64), 512), np.full((48, 64), 512)), strict=True
            ):
                rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                rows[:, : plane.width] = values
                plane.update(rows.tobytes())
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 19200), np.float32), "fltp", "mono")
        piece.sample_rate = 16000
        container.mux(track.encode(piece))
        container.mux(track.encode(None))
    assert probe(path).hdr
    _clip, video, _ = cut(path)
    shown = next(read_frames(video))[0, 48, 8::16].astype(int)
    assert np.ptp(shown, axis=1).max() <= 4, "grey stays grey"
    grey = shown.mean(1)
    assert grey[0] < 4 and grey[5] > 240 and grey[6:].min() > 250 and (np.diff(grey[:6]) > 15).all()


def test_refusals(tmp_path):
    assert "no audio stream" in refused(write_source(tmp_path / "silent.mp4", sound=False))
    assert "3 frames" in refused(write_source(tmp_path / "short.mp4", frames=3))
    source = write_source(tmp_path / "a.mp4")
    assert "the video ends at 2.40 s" in refused(source, 5.0, 9.0)
    assert "1 s are needed" in refused(source, 2.0, 2.5)
    assert "no picture from" in refused(write_source(tmp_path / "hole.mp4", pts=[*range(30), *range(80, 110)]))


def test_damaged_data_is_refused_on_both_ways(tmp_path):
    source = write_source(tmp_path / "a.mp4", frames=60, size=(256, 192), g=12)
    data = bytearray(source.read_bytes())
    for position in range(2000, len(data) // 2, 61):
        data[position] ^= 0x5A
    source.write_bytes(data)
    assert "damaged" in refused(source)
    assert "damaged" in refused(source, 0.0, 1.5)


@pytest.mark.parametrize("named", [26, 28, 34])
def test_a_key_frame_that_is_none_changes_no_clip(tmp_path, named):
    """Key frames are 0, 12, ...: where the index names another picture, the decoder waits for the next real one."""
    source = write_source(tmp_path / "a.mp4", frames=60, g=12, bf=0, sc_threshold=0)
    data = source.read_bytes()
    assert int.from_bytes(data[span(data, b"stss")[0] + 16 :][:4], "big") == 25
    source.write_bytes(overwritten(data, b"stss", 16, named + 1))
    assert numbers(cut(source, 1.36, 2.4)[1]).tolist() == list(range(34, 60))


@pytest.mark.real
def test_real_clips(real_clips, tmp_path):
    for name, frames, copied in (("RD_Radio11_001", 250, True), ("WDA_KatieHill_000", 200, False)):
        source = real_clips / "clips" / f"{name}.mp4"
        clip = cut_clip(source, tmp_path / "clip.mp4", tmp_path / "clip.wav", None, None, ClipsConfig())
        assert (clip.frames, clip.copied) == (frames, copied) and probe(tmp_path / "clip.mp4").frames == frames
