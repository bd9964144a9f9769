"""Damaged and unusual variants of a good video, for the fuzz tests. All by a seed, the same every time."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

Frames = np.ndarray
"""uint8 RGB (T, H, W, 3)."""


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(name, start of the content, end) of all boxes of an mp4, inner ones after their outer one."""
    position, end = start, len(data) if end is None else end
    while position + 8 <= end:
        size, name = struct.unpack(">I4s", data[position : position + 8])
        if size < 8 or position + size > end:
            return
        yield name, position + 8, position + size
        if name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"):
            yield from boxes(data, position + 8, position + size)
        position += size


def span(data: bytes, name: bytes, number: int = 0) -> tuple[int, int]:
    """Where the content of the n-th box of a name lies."""
    return [(start, end) for found, start, end in boxes(data) if found == name][number]


def overwritten_code(data: bytes, damaged: bytes) -> set[str]:
    """Where bytes were changed, none added or taken, that no container knows the meaning of: in the samples (`mdat`),
    or in the setting that they are coded with (H.264 parameter sets in `avcC`, an AudioSpecificConfig in `esds`).
    """
    if len(data) != len(damaged):
        return set()
    changed = np.flatnonzero(np.frombuffer(data, np.uint8) != np.frombuffer(damaged, np.uint8))
    places = [("mdat", *span(data, b"mdat"))]
    for name, start, end in boxes(data):
        for setting in (b"avcC", b"esds") if name == b"stsd" else ():
            inner = data.find(setting, start, end)
            if inner >= 0:
                places.append((setting.decode(), inner + 4, inner - 4 + int.from_bytes(data[inner - 4 : inner], "big")))
    return {name for name, start, end in places if ((changed >= start) & (changed < end)).any()}


def flipped(data: bytes, rng: random.Random, where: bytes, bits: int, number: int = 0) -> bytes:
    """Some bits of a box turned over."""
    damaged, (start, end) = bytearray(data), span(data, where, number)
    for _ in range(bits):
        damaged[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def flipped_sound(data: bytes, rng: random.Random, bits: int) -> bytes:
    """Some bits of the sound's data turned over."""
    with av.open(io.BytesIO(data)) as container:
        places = [(entry.pos, entry.size) for entry in container.streams.audio[0].index_entries]
    damaged = bytearray(data)
    for _ in range(bits):
        position, size = rng.choice(places)
        damaged[position + rng.randrange(size)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def blanked(data: bytes, rng: random.Random, share: float) -> bytes:
    """A run of zeros, as on a disk that lost a block."""
    start, end = span(data, b"mdat")
    length = int((end - start) * share)
    begin = rng.randrange(start, end - length)
    return data[:begin] + bytes(length) + data[begin + length :]


def overwritten(data: bytes, name: bytes, offset: int, value: int, number: int = 0) -> bytes:
    """A 32 bit number of a box replaced."""
    start = span(data, name, number)[0] + offset
    return data[:start] + struct.pack(">I", value) + data[start + 4 :]


# What hurts: (data of the video, data of another video, rng) -> data.
Damage = Callable[[bytes, bytes, random.Random], bytes]
DAMAGE: dict[str, Damage] = {
    "empty": lambda a, b, rng: b"",
    "one byte": lambda a, b, rng: a[:1],
    "cut in its head": lambda a, b, rng: a[: rng.randrange(8, 600)],
    "cut at a third": lambda a, b, rng: a[: len(a) // 3],
    "cut near the end": lambda a, b, rng: a[: len(a) * 9 // 10],
    "last bytes missing": lambda a, b, rng: a[:-40],
    "head missing": lambda a, b, rng: a[rng.randrange(100, len(a) // 2) :],
    "middle missing": lambda a, b, rng: a[: len(a) // 2] + a[len(a) // 2 + 997 :],
    "one bit of data": lambda a, b, rng: flipped(a, rng, b"mdat", 1),
    "another bit of data": lambda a, b, rng: flipped(a, rng, b"mdat", 1),
    "ten bits of data": lambda a, b, rng: flipped(a, rng, b"mdat", 10),
    "thousand bits of data": lambda a, b, rng: flipped(a, rng, b"mdat", 1000),
    "bits of the sound": lambda a, b, rng: flipped_sound(a, rng, 10),
    "bits of the index": lambda a, b, rng: flipped(a, rng, b"moov", 3),
    "more bits of the index": lambda a, b, rng: flipped(a, rng, b"moov", 60),
    "bits of the sample table": lambda a, b, rng: flipped(a, rng, b"stbl", 2),
    "bits of the decoder's setting": lambda a, b, rng: flipped(a, rng, b"stsd", 4),
    "block of zeros": lambda a, b, rng: blanked(a, rng, 0.1),
    "data all zeros": lambda a, b, rng: blanked(a, rng, 0.99),
    "noise in front": lambda a, b, rng: rng.randbytes(512) + a,
    "noise behind": lambda a, b, rng: a + rng.randbytes(512),
    "nothing but noise": lambda a, b, rng: rng.randbytes(20_000),
    "noise with a good name": lambda a, b, rng: a[:32] + rng.randbytes(20_000),
    "two files in one": lambda a, b, rng: a + b,
    "head of one, tail of another": lambda a, b, rng: a[: len(a) // 2] + b[len(b) // 2 :],
    "index of one, data of another": lambda a, b, rng: a[: span(a, b"mdat")[0]] + b[span(b, b"mdat")[0] :],
    "huge picture": lambda a, b, rng: overwritten(a, b"stsd", 40, 0xFFF0FFF0),
    "huge number of samples": lambda a, b, rng: overwritten(a, b"stsz", 8, 0x7FFFFFFF),
    "huge samples": lambda a, b, rng: overwritten(a, b"stsz", 16, 0x7FFFFFF0),
    "huge duration": lambda a, b, rng: overwritten(a, b"mdhd", 16, 0xFFFFFFF0),
    "huge time step": lambda a, b, rng: overwritten(a, b"stts", 12, 0x7FFFFFFF),
    "no time step": lambda a, b, rng: overwritten(a, b"stts", 12, 0),
    "time scale of zero": lambda a, b, rng: overwritten(a, b"mdhd", 12, 0),
    "huge box": lambda a, b, rng: overwritten(a, b"moov", -8, 0xFFFFFFF0),
    "offsets beyond the end": lambda a, b, rng: overwritten(a, b"stco", 8, 0x7FFFFFFF),
}  # fmt: skip


def write(path: Path, frames: Frames, sound: np.ndarray | None, rate: int = 25, **how) -> Path:
    """Writes a video. how: codec, pix_fmt, options, pts (ticks of 1 / 1000 s), rotation, layout, sound_codec, sound_rate,
    movflags.
    """
    with av.open(str(path), "w", options={"movflags": how["movflags"]} if "movflags" in how else {}) as container:
        ticks = 1000 if "pts" in how else rate
        picture = container.add_stream(how.get("codec", "libx264"), rate=ticks, options=how.get("options", {}))
        picture.height, picture.width, picture.pix_fmt = *frames.shape[1:3], how.get("pix_fmt", "yuv420p")
        if "rotation" in how:
            picture.set_display_rotation(how["rotation"])
        for name in ("color_trc", "color_primaries", "colorspace"):
            if name in how:
                setattr(picture.codec_context, name, how[name])
        track = None
        if sound is not None:
            layout = how.get("layout", "mono")
            track = container.add_stream(
                how.get("sound_codec", "aac"), rate=how.get("sound_rate", 16000), layout=layout
            )
        for k, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = how["pts"][k] if "pts" in how else k, Fraction(1, ticks)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if track is not None:
            channels = track.codec_context.layout.nb_channels
            frame = av.AudioFrame.from_ndarray(np.repeat(sound, channels)[None].astype(np.float32), "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
            resampler = av.AudioResampler(track.codec_context.format, layout, track.codec_context.sample_rate)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(track.encode(piece))
            container.mux(track.encode(None))
    return path


def _jittered(count: int) -> list[int]:
    return np.cumsum(np.random.default_rng(3).integers(15, 66, count)).tolist()


# What is only unusual: (path without its ending, frames, sound) -> writes one file.
UNUSUAL: dict[str, Callable[[Path, Frames, np.ndarray], Path]] = {
    "odd size": lambda p, f, s: write(p.with_suffix(".mkv"), f[:, 1:, :-3], s, pix_fmt="yuv444p"),
    "variable rate": lambda p, f, s: write(p.with_suffix(".mp4"), f, s, pts=_jittered(len(f))),
    "a hole of two seconds": lambda p, f, s: write(
        p.with_suffix(".mp4"), f, s, pts=[40 * k + 2000 * (k > len(f) // 2) for k in range(len(f))]
    ),
    "rotated": lambda p, f, s: write(p.with_suffix(".mp4"), np.rot90(f, 1, (1, 2)), s, rotation=-90),
    "turned by 30 degrees": lambda p, f, s: write(p.with_suffix(".mp4"), f, s, rotation=30),
    "no sound": lambda p, f, s: write(p.with_suffix(".mp4"), f, None),
    "eight channels": lambda p, f, s: write(p.with_suffix(".mp4"), f, s, layout="7.1", sound_rate=48000),
    "short sound": lambda p, f, s: write(p.with_suffix(".mp4"), f, s[: len(s) // 2]),
    "30 frames a second": lambda p, f, s: write(p.with_suffix(".mp4"), f, s, rate=30),
    "three frames": lambda p, f, s: write(p.with_suffix(".mp4"), f[:3], s[: 3 * 640]),
    "one frame": lambda p, f, s: write(p.with_suffix(".mp4"), f[:1], s[:640]),
    "nobody": lambda p, f, s: write(p.with_suffix(".mp4"), np.full_like(f, 90), s),
    "two faces": lambda p, f, s: write(p.with_suffix(".mp4"), np.concatenate([f, np.roll(f[:, :, ::-1], 5, 0)], 2), s),
    "tiny": lambda p, f, s: write(p.with_suffix(".mp4"), f[:, :16, :16], s),
    "a strip": lambda p, f, s: write(p.with_suffix(".mp4"), f[:, :20], s),
    "MPEG-2": lambda p, f, s: write(p.with_suffix(".mpg"), f, s, codec="mpeg2video", sound_codec="mp2", sound_rate=48000),
    "WebM": lambda p, f, s: write(
        p.with_suffix(".webm"), f, s, codec="libvpx", sound_codec="libopus", sound_rate=48000, options={"deadline": "realtime"}
    ),
    "AVI": lambda p, f, s: write(p.with_suffix(".avi"), f, s, codec="mpeg4", sound_codec="pcm_s16le"),
    "interlaced": lambda p, f, s: write(p.with_suffix(".mp4"), f, s, options={"x264-params": "tff=1"}),
    "high dynamic range": lambda p, f, s: write(
        p.with_suffix(".mkv"), f, s, pix_fmt="yuv420p10le", color_trc=16, color_primaries=9, colorspace=9
    ),
    "Zöe, at home; 50% 'off'": lambda p, f, s: write(p.parent / f"{p.name}.mp4", f, s),
    "sound alone": lambda p, f, s: p.with_suffix(".mp4") if _sound_alone(p.with_suffix(".mp4"), s) else p,
    "mp4 called avi": lambda p, f, s: write(p.with_suffix(".mp4"), f, s).rename(p.with_suffix(".avi")),
    "a text": lambda p, f, s: _text(p.with_suffix(".mp4"), "Dear Sir, this is not a video.\n" * 99),
    "a play list": lambda p, f, s: _text(p.with_suffix(".mp4"), "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n"),
}  # fmt: skip


def _sound_alone(path: Path, sound: np.ndarray) -> bool:
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return True


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
