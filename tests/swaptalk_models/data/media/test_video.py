"""Reading videos, and the reasons why one cannot be read."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from swaptalk_models.data.media.probing import check_trainable
from swaptalk_models.data.media.video import probe, read_frames, read_image
from swaptalk_models.errors import BadClip, UserError

from ..damage import overwritten


def write_video(path, frames=30, rate=25, codec="libx264", size=(64, 48), pix_fmt="yuv420p", options=None, **more):
    """Frame k is grey of 4 k with a red upper left corner. more: rotation, pts (ticks of 1 / rate), movflags."""
    container_options = {"movflags": more["movflags"]} if "movflags" in more else {}
    with av.open(str(path), "w", options=container_options) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        if "rotation" in more:
            stream.set_display_rotation(more["rotation"])
        for k in range(frames):
            image = np.full((size[1], size[0], 3), 4 * k % 256, np.uint8)
            image[:16, :16] = 255, 0, 0
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = more.get("pts", range(frames))[k], Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Path(path)


def all_frames(path, batch=32):
    return np.concatenate(list(read_frames(path, batch)))


def greys(frames):
    return frames[:, 20:, 20:].mean((1, 2, 3))


def reason(path):
    with pytest.raises(BadClip) as caught:
        probe(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


def test_probe_tells_what_a_video_is(tmp_path):
    info = probe(write_video(tmp_path / "a.mp4", frames=30))
    assert (info.width, info.height, info.frames, info.codec) == (64, 48, 30, "h264")
    assert info.fps == pytest.approx(25) and info.duration_s == pytest.approx(1.2)
    assert not info.has_audio and info.rotation == 0 and not info.interlaced


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.avi", "libx264"), ("a.webm", "libvpx"),
     ("a.mpg", "mpeg2video"), ("a.mov", "libx265")],
)  # fmt: skip
def test_every_container_gives_all_frames_in_order(tmp_path, name, codec):
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = write_video(tmp_path / name, frames=40, codec=codec, options=quiet)
    info = probe(path)
    assert info.frames == 40 and info.fps == pytest.approx(25, abs=0.05)
    assert greys(all_frames(path)) == pytest.approx(4.0 * np.arange(40), abs=4)


def test_batches_are_full_but_for_the_last(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames=30)
    assert [len(batch) for batch in read_frames(path, 8)] == [8, 8, 8, 6]


def test_rotated_video_is_read_upright(tmp_path):
    path = write_video(tmp_path / "phone.mp4", rotation=-90)  # the usual portrait video: a quarter turn clockwise
    info = probe(path)
    assert (info.width, info.height, info.rotation) == (48, 64, 270)
    frame = all_frames(path)[0]
    assert frame.shape == (64, 48, 3)
    assert (
        frame[:8, -8:, 0].min() > 150 and frame[:8, :8, 0].max() < 100
    )  # the corner went from upper left to upper right


def test_variable_rate_keeps_every_stored_frame(tmp_path):
    path = write_video(tmp_path / "vfr.mp4", frames=20, rate=100, pts=[4 * k + (k % 3) for k in range(20)])
    assert probe(path).fps == pytest.approx(25, rel=0.05)
    assert greys(all_frames(path)) == pytest.approx(4.0 * np.arange(20), abs=4)


def test_odd_sizes_and_ten_bits(tmp_path):
    assert all_frames(write_video(tmp_path / "a.mp4", size=(65, 49), pix_fmt="yuv444p")).shape == (30, 49, 65, 3)
    assert all_frames(write_video(tmp_path / "b.mp4", pix_fmt="yuv420p10le")).shape == (30, 48, 64, 3)


def test_fragmented_mp4(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames=30, movflags="frag_keyframe+empty_moov", options={"g": "10"})
    assert probe(path).frames == 30 and len(all_frames(path)) == 30


def test_three_frames(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames=3)
    assert probe(path).frames == 3 and len(all_frames(path)) == 3


def test_absurd_pixels(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(overwritten(path.read_bytes(), b"tkhd", 80, 1 << 16))  # to be shown 1 px high
    assert "claims pixels 48 times as wide" in reason(path)


def test_text_named_mp4(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("this is a shopping list\n" * 50)
    assert "not a video" in reason(path)


def test_a_play_list_is_not_followed(tmp_path):
    other = write_video(tmp_path / "other.mp4")
    path = tmp_path / "a.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{other.name}'\n")
    assert "not a video" in reason(path)


def test_empty_missing_and_folder(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert "empty" in reason(tmp_path / "a.mp4")
    assert "no such file" in reason(tmp_path / "b.mp4")
    assert "folder" in reason(tmp_path)


def test_truncated_without_index(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cut off" in reason(path) and "moov" in reason(path)


def test_truncated_after_its_index(tmp_path):
    path = write_video(tmp_path / "a.mp4", movflags="+faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    assert "cut off" in reason(path) and "of 30 frames are missing" in reason(path)


def test_truncated_mkv(tmp_path):
    path = write_video(tmp_path / "a.mkv", frames=150)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    assert "cut off" in reason(path)


def test_sound_only(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "no video stream" in reason(path)


def test_slide_show(tmp_path):
    info = probe(write_video(tmp_path / "a.mp4", frames=4, rate=1))
    with pytest.raises(BadClip, match="frames/s are needed"):
        check_trainable(info)


def test_damaged_data_is_refused_not_painted_over(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames=60, size=(256, 192), codec="mpeg4", options={"g": "12"})
    data = bytearray(path.read_bytes())
    for position in range(len(data) // 4, len(data) // 2, 97):
        data[position] ^= 0x5A
    path.write_bytes(data)
    with pytest.raises(BadClip, match="damaged"):
        all_frames(path)


def test_read_image(tmp_path):
    image = np.zeros((20, 30, 3), np.uint8)
    image[:10] = 200, 10, 20
    Image.fromarray(image).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), image)
    Image.fromarray(image).convert("RGBA").save(tmp_path / "b.png")
    assert read_image(tmp_path / "b.png").shape == (20, 30, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise
    Image.fromarray(image).save(tmp_path / "c.jpg", exif=exif)
    assert read_image(tmp_path / "c.jpg").shape == (30, 20, 3)


def test_no_image(tmp_path):
    (tmp_path / "a.jpg").write_text("no image")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:800])
    for name in ("a.jpg", "b.jpg", "missing.jpg"):
        with pytest.raises(UserError, match=name):
            read_image(tmp_path / name)


@pytest.mark.real
def test_real_clip(real_clips):
    path = real_clips / "clips" / "RD_Radio21_000.mp4"
    info = probe(path)
    assert (info.frames, info.width, info.height, info.has_audio) == (452, 488, 488, True)
    assert sum(len(batch) for batch in read_frames(path)) == 452
