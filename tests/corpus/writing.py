"""Writing the made inputs with PyAV and Pillow: containers, codecs, colours, turns, rates and layouts."""

import io
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from .drawn import FRAMES, SIDE, picture, voice

Writer = Callable[[Path], None]


def video(
    codec: str = "libx264",
    rate: int | Fraction = 25,
    size: tuple[int, int] = (SIDE, SIDE),
    pixels: str = "yuv420p",
    *,
    format: str | None = None,
    options: dict[str, str] | None = None,
    moments: Sequence[float] | None = None,
    ticks: int | None = None,
    turn: tuple[float, bool, bool] | None = None,
    aspect: Fraction | None = None,
    shown: Iterable[int] = range(FRAMES),
    sound: tuple[str, int, str] | None = ("aac", 48000, "mono"),
    sound_at: float = 0.0,
    frames: Callable[[int], av.VideoFrame] | None = None,
    space: int | None = None,
    muxer: dict[str, str] | None = None,
    cover: bool = False,
) -> Writer:
    """A video of the person, frame k shows number ``shown[k]`` at ``moments[k]`` (s) or at k / rate."""

    def write(path: Path) -> None:
        with av.open(f"file:{path}", "w", format=format, options=muxer or {}) as container:
            image = container.add_stream("mjpeg", rate=1) if cover else None
            if image:
                image.width, image.height, image.pix_fmt = 64, 64, "yuvj420p"
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height, stream.pix_fmt = *size, pixels
            if ticks:
                stream.time_base = stream.codec_context.time_base = Fraction(1, ticks)
            if turn:
                stream.set_display_rotation(turn[0], hflip=turn[1], vflip=turn[2])
            if aspect:
                stream.codec_context.sample_aspect_ratio = aspect
            if space:
                stream.codec_context.colorspace = space
            track = container.add_stream(sound[0], rate=sound[1], layout=sound[2]) if sound else None
            if track:
                track.bit_rate = 128_000
            unit = Fraction(1, ticks) if ticks else 1 / Fraction(rate)
            if image:
                blank = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
                blank.pts, blank.time_base = 0, Fraction(1)
                container.mux(image.encode(blank))
                container.mux(image.encode(None))
            for k, number in enumerate(shown):
                if frames:
                    frame = frames(number)
                else:
                    frame = av.VideoFrame.from_ndarray(_lying(picture(number), turn, size), format="rgb24")
                frame.pts = round(moments[k] / unit) if moments else k * round(1 / Fraction(rate) / unit)
                frame.time_base = unit
                if frame.format.name == "rgb24":
                    pts = frame.pts
                    frame = frame.reformat(format=pixels, dst_colorspace=space)
                    frame.pts, frame.time_base = pts, unit
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if track and sound:
                say(container, track, voice(sound[1]), sound[1], sound[2], sound_at)

    return write


def say(container: Any, track: Any, sound: np.ndarray, rate: int, layout: str, start: float = 0.0) -> None:
    """Mono ``sound`` (samples,) on all channels, or (channels, samples)."""
    channels = av.AudioLayout(layout).nb_channels
    planes = np.repeat(sound[None], channels, 0) if sound.ndim == 1 else sound
    for first in range(0, planes.shape[1], 1024):
        piece = np.ascontiguousarray(planes[:, first : first + 1024].T, np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, first + round(start * rate), Fraction(1, rate)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))


def sound(
    codec: str,
    rate: int = 48000,
    layout: str = "mono",
    *,
    format: str | None = None,
    only: Sequence[str] | None = None,
    signs: Sequence[int] | None = None,
    cover: bool = False,
) -> Writer:
    """The voice; ``only`` on these channels, ``signs``: 1 or -1 a channel."""

    def write(path: Path) -> None:
        with av.open(f"file:{path}", "w", format=format) as container:
            track = container.add_stream(codec, rate=rate, layout=layout)
            track.bit_rate = 192_000
            names = [channel.name for channel in av.AudioLayout(layout).channels]
            gains = np.array(signs or [only is None or name in only for name in names], np.float32)
            say(container, track, gains[:, None] * voice(rate), rate, layout)
        if cover:
            path.write_bytes(_id3_cover() + path.read_bytes())

    return write


def _lying(image: np.ndarray, turn: tuple[float, bool, bool] | None, size: tuple[int, int]) -> np.ndarray:
    """A picture as it has to be stored to be upright after a turn counter-clockwise and then a flip."""
    import cv2

    degrees, across, down = turn or (0, False, False)
    image = image[:, ::-1] if across else image
    image = image[::-1] if down else image
    image = np.ascontiguousarray(np.rot90(image, -round(degrees / 90)))
    return image if image.shape[1::-1] == size else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _id3_cover() -> bytes:
    """A tag with a picture, as music players write it (ID3v2.3)."""
    image = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(image, "JPEG")
    body = b"\0image/jpeg\0\3\0" + image.getvalue()
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + frame


def two_tracks(path: Path) -> None:
    """A silent track, and the voice, flagged as the default."""
    with av.open(f"file:{path}", "w") as container:
        silent, spoken = (container.add_stream("libopus", rate=48000, layout="mono") for _ in range(2))
        silent.disposition, spoken.disposition = 0, 1
        for track, samples in ((silent, 0 * voice()), (spoken, voice())):
            say(container, track, samples, 48000, "mono")


def joined_mp3(path: Path) -> None:
    """Two recordings one behind the other, of different rates and channels."""
    parts = []
    for rate, layout in ((44100, "stereo"), (24000, "mono")):
        part = path.with_name(f"part{rate}.mp3")
        sound("libmp3lame", rate, layout, format="mp3")(part)
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))


def with_a_tail(writer: Writer, tail: bytes) -> Writer:
    """The same file with some bytes behind it."""

    def write(path: Path) -> None:
        writer(path)
        path.write_bytes(path.read_bytes() + tail)

    return write


def growing(path: Path) -> None:
    """VP8 whose pictures are larger from frame 25 on, as video calls write it."""
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for first, side in ((0, SIDE), (25, 240)):
            encoder = av.CodecContext.create("libvpx", "w")
            encoder.width, encoder.height, encoder.pix_fmt = side, side, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
            packets = []
            for k in range(first, first + 25):
                frame = av.VideoFrame.from_ndarray(picture(k, (side, side)), format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                packets += encoder.encode(frame)
            for packet in packets + encoder.encode(None):
                packet.stream, packet.time_base = stream, Fraction(1, 25)
                container.mux(packet)


def begun_late(path: Path) -> None:
    """A transport stream that was switched on between two key frames."""
    video(options={"g": "20", "bf": "0", "sc_threshold": "0"}, sound=("mp2", 48000, "mono"))(path)
    packets = path.read_bytes()
    path.write_bytes(packets[len(packets) // 188 // 8 * 188 :])


def fields(first: str) -> Writer:
    """Interlaced: the fields of a frame are of one moment, but are flagged and coded as two."""
    return video(options={"x264-params": f"{first}=1"})


def bright(curve: int, code: Callable[[np.ndarray], np.ndarray]) -> Callable[[int], av.VideoFrame]:
    """Frames in BT.2020 with a curve of high dynamic range; white at 203 cd/m2."""
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])

    def frame(number: int) -> av.VideoFrame:
        rgb = code(np.clip((picture(number) / 255.0) ** 2.4 @ to_2020.T, 0, 1))
        luma = rgb @ [0.2627, 0.6780, 0.0593]
        blue, red = (rgb[..., 2] - luma) / 1.8814, (rgb[..., 0] - luma) / 1.4746
        result = av.VideoFrame(SIDE, SIDE, "yuv444p10le")
        for plane, values in zip(result.planes, (64 + 876 * luma, 512 + 896 * blue, 512 + 896 * red), strict=True):
            rows = np.zeros((SIDE, plane.line_size // 2), np.uint16)
            rows[:, :SIDE] = np.clip(np.round(values), 0, 1023)
            plane.update(rows.tobytes())
        result.color_trc, result.color_primaries, result.colorspace = curve, 9, 9
        return result

    return frame


def pq(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, of light as a share of 203 cd/m2."""
    y = (203 * light / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


def hlg(light: np.ndarray) -> np.ndarray:
    """ARIB STD-B67 (BT.2100), of display light as a share of 203 cd/m2 on a screen of 1000 cd/m2."""
    shown = np.clip(light * 0.203, 1e-9, 1)
    luminance = shown @ [0.2627, 0.6780, 0.0593]
    scene = shown * luminance[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def still(mode: str = "RGB", **options: Any) -> Writer:
    """One picture."""

    def write(path: Path) -> None:
        Image.fromarray(picture(1)).convert(mode).save(path, **options)

    return write


def sixteen_bits(path: Path) -> None:
    """Grey or RGB, 16 bits a channel."""
    import cv2

    assert cv2.imwrite(str(path), picture(1)[..., ::-1].astype(np.uint16) * 257)


def grey_sixteen(path: Path) -> None:
    Image.fromarray((picture(1).mean(axis=2) * 257).astype(np.uint16)).save(path)


def clear(path: Path) -> None:
    """A cut-out person: what is transparent has a colour that nobody is to see."""
    image = np.dstack([picture(1), np.full((SIDE, SIDE), 255, np.uint8)])
    image[60:100, :10] = 255, 0, 255, 0
    Image.fromarray(image).save(path)


def turned_photo(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(np.rot90(picture(1))).save(path, exif=exif, quality=95)


def animation(milliseconds: int = 40, frames: int = FRAMES, **options: Any) -> Writer:
    def write(path: Path) -> None:
        images = [Image.fromarray(picture(number)) for number in range(frames)]
        images[0].save(path, save_all=True, append_images=images[1:], duration=milliseconds, loop=0, **options)

    return write


def text(content: bytes) -> Writer:
    return lambda path: path.write_bytes(content) and None


def cut_off(writer: Writer, share: float) -> Writer:
    def write(path: Path) -> None:
        writer(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return write
