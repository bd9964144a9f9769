"""The table of made inputs, each with its right values. Add a line where a file surprised somebody."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from . import writing as w
from .drawn import BURSTS, FRAMES, SECONDS, SIDE
from .writing import Writer

_LONG_GOP = {"g": "250", "bf": "3"}
_QUIET = {"x265-params": "log-level=none"}


def _bright(curve: str) -> dict[str, str]:
    return {"x265-params": f"log-level=none:colorprim=bt2020:transfer={curve}:colormatrix=bt2020nc", "crf": "8"}


def _every(rate: float) -> list[int]:
    """Which frames of a video at this rate are on show at k / 25 s."""
    return [int(k * rate / 25 + 1e-6) for k in range(FRAMES) if k * rate / 25 < 64]


@dataclass(frozen=True)
class Target:
    """A video or picture that gives the head."""

    name: str
    write: Writer
    size: tuple[int, int] = (SIDE, SIDE)
    """Width and height as it is shown (px)."""
    shows: tuple[int, ...] = tuple(range(FRAMES))
    """Which drawn frame is on show at k / 25 s."""
    colours: bool = True
    """Whether there are any."""
    off_by: int = 0
    """Frames at the end that may be missing, or be there in addition: their containers do not say how long the last one stands."""
    sample: bool = False


@dataclass(frozen=True)
class Sound:
    """A voice."""

    name: str
    write: Writer
    rate: int = 48000
    """Of what the output plays (Hz)."""
    layout: str = "mono"
    seconds: float = SECONDS
    level: float = 0.0
    """What the networks hear, against the voice as drawn (dB)."""
    onsets: tuple[float, ...] = BURSTS
    says: str = ""
    """What a warning has to say."""
    sample: bool = False


@dataclass(frozen=True)
class Refused:
    """What cannot be used, and what has to be said."""

    role: str
    """target, source or audio."""
    name: str
    write: Writer | None
    says: str


_vfr = [k / 20 for k in range(20)] + [1 + k / 30 for k in range(30)]
_vfr_shows = tuple(int(np.searchsorted(_vfr, k / 25 + 1e-4, side="right")) - 1 for k in range(FRAMES))
_LOW = SIDE * 7 // 8

TARGETS = (
    # containers and codecs
    Target("plain.mp4", w.video(), sample=True),
    Target("phone.mov", w.video("libx265", options=_QUIET)),
    Target("plain.mkv", w.video()),
    Target("vp8.webm", w.video("libvpx", sound=("libopus", 48000, "mono"))),
    Target("vp9.webm", w.video("libvpx-vp9", sound=("libopus", 48000, "mono"))),
    Target("av1.mp4", w.video("libsvtav1", options={"preset": "9", "crf": "8"})),
    Target("mpeg4.avi", w.video("mpeg4", sound=("libmp3lame", 44100, "stereo"), options={"qscale": "2", "flags": "+qscale"})),
    Target("mjpeg.avi", w.video("mjpeg", pixels="yuvj420p", sound=("pcm_s16le", 48000, "mono"))),
    Target("disc.mpg", w.video("mpeg2video", sound=("mp2", 48000, "stereo"), options={"b": "2000000"}), off_by=1),
    Target("camera.mts", w.video(format="mpegts", sound=("ac3", 48000, "stereo"), muxer={"mpegts_m2ts_mode": "1"})),
    Target("b_frames.ts", w.video(options=_LONG_GOP, sound=("mp2", 48000, "mono")), sample=True),
    Target("begun_late.ts", w.begun_late, shows=(20,) * 15 + tuple(range(20, 50)), sample=True),
    Target("studio.mxf", w.video("mpeg2video", sound=("pcm_s16le", 48000, "mono"), options={"b": "5000000"}), sample=True),
    Target("stream.flv", w.video("flv", sound=("aac", 44100, "mono"), options={"b": "3000000"})),
    Target("windows.wmv", w.video("wmv2", sound=("wmav2", 44100, "stereo"), options={"b": "3000000"})),
    Target("old_phone.3gp", w.video(sound=("aac", 16000, "mono"))),
    Target("raw.h264", w.video(format="h264", sound=None)),
    Target("raw.hevc", w.video("libx265", format="hevc", sound=None, options=_QUIET)),
    Target("fragments.mp4", w.video(muxer={"movflags": "frag_keyframe+empty_moov"}, options={"g": "10"})),
    Target("editing.mov", w.video("prores_ks", pixels="yuv422p10le", sound=("pcm_s24le", 48000, "stereo"))),
    Target("lossless.mkv", w.video("ffv1", pixels="bgr0", sound=("flac", 48000, "mono"))),
    Target("rgb.avi", w.video("huffyuv", pixels="rgb24", sound=("pcm_s16le", 48000, "mono"))),
    Target("uncompressed.y4m", w.video("wrapped_avframe", format="yuv4mpegpipe", sound=None)),
    # colours
    Target("hd_colours.mp4", w.video(space=1)),
    Target("full_range.mp4", w.video(pixels="yuvj420p")),
    Target("ten_bits.mp4", w.video(pixels="yuv420p10le")),
    Target("grey.mp4", w.video(pixels="gray"), colours=False),
    Target("pq.mp4", w.video("libx265", pixels="yuv444p10le", frames=w.bright(16, w.pq), options=_bright("smpte2084")), sample=True),
    Target("hlg.mp4", w.video("libx265", pixels="yuv444p10le", frames=w.bright(18, w.hlg), options=_bright("arib-std-b67"))),
    # turns and flips
    Target("turned_90.mp4", w.video(turn=(90, False, False))),
    Target("turned_180.mp4", w.video(turn=(180, False, False))),
    Target("turned_270.mov", w.video(turn=(-90, False, False), size=(SIDE, _LOW)), size=(_LOW, SIDE), sample=True),
    Target("mirrored.mp4", w.video(turn=(0, True, False)), sample=True),
    Target("upside_down.mp4", w.video(turn=(0, False, True))),
    Target("mirrored_and_turned.mp4", w.video(turn=(90, True, False))),
    Target("turned_and_mirrored.mp4", w.video(turn=(-90, True, False))),
    # shapes
    Target("anamorphic.mp4", w.video(size=(136, SIDE), aspect=Fraction(24, 17)), size=(SIDE, SIDE), sample=True),
    Target("anamorphic.mkv", w.video(size=(136, SIDE), aspect=Fraction(24, 17)), size=(SIDE, SIDE)),
    Target("turned_anamorphic.mp4", w.video(size=(136, SIDE), aspect=Fraction(24, 17), turn=(90, False, False)),
           size=(SIDE, SIDE)),
    Target("odd.mkv", w.video(size=(SIDE - 1, SIDE - 1), pixels="yuv444p"), size=(SIDE - 1, SIDE - 1)),
    Target("growing.webm", w.growing, sample=True),
    Target("upper_field_first.mp4", w.fields("tff")),
    Target("lower_field_first.mp4", w.fields("bff")),
    # time
    Target("thirty.mp4", w.video(rate=30), shows=tuple(_every(30)[:41]), off_by=1),
    Target("ntsc.mp4", w.video(rate=Fraction(30000, 1001)), shows=tuple(_every(29.97)[:41]), off_by=1),
    Target("film.mkv", w.video(rate=24), shows=tuple(_every(24)), off_by=3),
    Target("fifty.mp4", w.video(rate=50), shows=tuple(range(0, 50, 2))),
    Target("slides.mp4", w.video(rate=2, shown=range(4)), shows=tuple(k * 2 // 25 for k in range(50))),
    Target("phone_rate.mp4", w.video(ticks=600, moments=_vfr), shows=_vfr_shows, off_by=1, sample=True),
    Target("phone_rate.mkv", w.video(ticks=1000, moments=_vfr), shows=_vfr_shows, off_by=1),
    Target("starts_at_3_s.mp4", w.video(ticks=600, moments=[3 + k / 25 for k in range(FRAMES)])),
    Target("starts_at_3_s.mkv", w.video(ticks=1000, moments=[3 + k / 25 for k in range(FRAMES)])),
    # streams
    Target("cover.mp4", w.video(cover=True), sample=True),
    Target("cover.mkv", w.video(cover=True)),
    Target("silent.mp4", w.video(sound=None)),
    # pictures
    Target("talk.gif", w.animation(), colours=False, sample=True),
    Target("slow.gif", w.animation(200, 10), shows=tuple(k // 5 for k in range(50)), colours=False),
    Target("talk.png", w.animation()),
    Target("talk.webp", w.animation(lossless=True)),
    Target("photo.jpg", w.still(quality=95), shows=(1,), sample=True),
    Target("turned_photo.jpg", w.turned_photo, shows=(1,)),
    Target("print.jpg", w.still("CMYK", quality=95), shows=(1,)),
    Target("photo.png", w.still(), shows=(1,)),
    Target("palette.png", w.still("P"), shows=(1,)),
    Target("sixteen_bits.png", w.sixteen_bits, shows=(1,)),
    Target("sixteen_bits.tif", w.sixteen_bits, shows=(1,)),
    Target("grey_sixteen_bits.png", w.grey_sixteen, shows=(1,), colours=False, sample=True),
    Target("cut_out.png", w.clear, shows=(1,)),
    Target("photo.webp", w.still(quality=95), shows=(1,)),
    Target("photo.avif", w.still(quality=90), shows=(1,)),
    Target("photo.bmp", w.still(), shows=(1,)),
    Target("photo.tga", w.still(), shows=(1,)),
    Target("photo.jp2", w.still(), shows=(1,)),
    # names
    Target("12:30.mp4", w.video(), sample=True),
    Target("100%41 #1?.mp4", w.video()),
    Target("-i.mp4", w.video()),
    Target("größe [1].mp4", w.video()),
    Target("no_utf8_\udcff.mp4", w.video(), sample=True),
    Target("n" * 246 + ".mp4", w.video()),
    Target("no_suffix", w.video(format="mp4")),
)  # fmt: skip

SOUNDS = (
    Sound("plain.wav", w.sound("pcm_s16le"), sample=True),
    Sound("studio.wav", w.sound("pcm_s24le", 96000, "stereo"), rate=96000, layout="stereo"),
    Sound("float.wav", w.sound("pcm_f32le", 44100), rate=44100),
    Sound("eight_bits.wav", w.sound("pcm_u8", 22050), rate=22050),
    Sound("telephone.wav", w.sound("pcm_mulaw", 8000), rate=8000),
    Sound("odd_rate.wav", w.sound("pcm_s16le", 37800), rate=44100),
    Sound("wide.w64", w.sound("pcm_s16le")),
    Sound("song.mp3", w.sound("libmp3lame", 44100, "stereo"), rate=44100, layout="stereo", sample=True),
    Sound("cover.mp3", w.sound("libmp3lame", 44100, "stereo", cover=True), rate=44100, layout="stereo"),
    Sound("tagged.mp3", w.with_a_tail(w.sound("libmp3lame", 44100), b"TAG" + b"voice".ljust(125, b"\0")), rate=44100),
    Sound("scrap.mp3", w.with_a_tail(w.sound("libmp3lame", 44100), b"\xff\xfb\x90\x64" + b"\1" * 90), rate=44100),
    Sound("joined.mp3", w.joined_mp3, rate=44100, layout="stereo", seconds=2 * SECONDS,
          onsets=(*BURSTS, *(2 + moment for moment in BURSTS)), sample=True),
    Sound("phone.m4a", w.sound("aac", 44100, format="mp4"), rate=44100),
    Sound("raw.aac", w.sound("aac", 44100, format="adts"), rate=44100),
    Sound("apple.m4a", w.sound("alac", 44100, "stereo", format="mp4"), rate=44100, layout="stereo"),
    Sound("lossless.flac", w.sound("flac", 48000, "stereo"), layout="stereo"),
    Sound("message.opus", w.sound("libopus", format="ogg")),
    Sound("message.webm", w.sound("libopus")),
    Sound("sun.au", w.sound("pcm_s16be"), sample=True),
    Sound("apple.aiff", w.sound("pcm_s16be")),
    Sound("apple.caf", w.sound("pcm_s16le")),
    Sound("pack.wv", w.sound("wavpack", 44100), rate=44100),
    Sound("true.tta", w.sound("tta", 44100), rate=44100),
    Sound("windows.wma", w.sound("wmav2", 44100, "stereo", format="asf"), rate=44100, layout="stereo"),
    Sound("film.ac3", w.sound("ac3", 48000, "5.1(side)", only=("FC",)), layout="5.1"),
    Sound("film.eac3", w.sound("eac3", 48000, "5.1(side)", only=("FC",)), layout="5.1"),
    Sound("centre.m4a", w.sound("aac", 48000, "5.1", only=("FC",), format="mp4"), layout="5.1", sample=True),
    Sound("centre.mkv", w.sound("flac", 48000, "7.1", only=("FC",)), layout="7.1"),
    Sound("one_side.wav", w.sound("pcm_s16le", 48000, "stereo", only=("FL",)), layout="stereo", level=-6.02),
    Sound("against_each_other.wav", w.sound("pcm_s16le", 48000, "stereo", signs=(1, -1)), layout="stereo",
          says="cancel each other out", sample=True),
    Sound("two_tracks.mkv", w.two_tracks, sample=True),
    Sound("of_a_video.mp4", w.video()),
    Sound("late_in_a_video.mp4", w.video(sound_at=0.5), seconds=2.5, onsets=tuple(0.5 + moment for moment in BURSTS)),
    Sound("12:30.wav", w.sound("pcm_s16le")),
    Sound("no_utf8_\udcff.wav", w.sound("pcm_s16le", format="wav")),
)  # fmt: skip

REFUSED = (
    Refused("target", "list.mp4", w.text(b"this is a shopping list\n" * 50), "not a video file"),
    Refused("target", "playlist.mp4", w.text(b"ffconcat version 1.0\nfile 'plain.mp4'\n"), "not a video file"),
    Refused("target", "streams.m3u8", w.text(b"#EXTM3U\n#EXTINF:2,\nplain.ts\n"), "not a video file"),
    Refused("target", "empty.mp4", w.text(b""), "empty file"),
    Refused("target", "cut_off.mp4", w.cut_off(w.video(), 0.5), "cut off"),
    Refused("target", "cut_off.mkv", w.cut_off(w.video(options={"g": "5"}), 0.4), "cut off"),
    Refused("target", "sound.m4a", w.sound("aac", format="mp4"), "no video stream"),
    Refused("target", "tilted.mp4", w.video(turn=(30, False, False)), "only quarter turns"),
    Refused("target", "missing.mp4", None, "does not exist"),
    Refused("source", "list.png", w.text(b"no picture" * 9), "not an image that can be read"),
    Refused("source", "cut_off.jpg", w.cut_off(w.still(), 0.3), "not an image that can be read"),
    Refused("source", "phone.heic", w.text(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64), "HEIC|not an image"),
    Refused("audio", "photo.png", w.still(), "no sound in it"),
    Refused("audio", "silent.mp4", w.video(sound=None), "no audio stream"),
    Refused("audio", "list.wav", w.text(b"RIFF\0\0\0\0WAVElist" * 9), "not a video file|damaged|no audio"),
)
