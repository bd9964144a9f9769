"""Clips: 25 fps constant-rate h264 and 16 kHz mono wav of the same length, cut out of any source by time stamps."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.container import open_media, tick_length, video_stream
from swaptalk_models.data.media.frame_times import CLIP_RATE
from swaptalk_models.data.media.pictures import at_constant_rate, stored_pictures
from swaptalk_models.data.media.probing import probe
from swaptalk_models.data.media.upright import Upright, Window
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.data.media.video_writer import BT601, LIMITED_RANGE
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import ClipsConfig

SAMPLE_RATE = 16000  # Hz
SAMPLES_PER_FRAME = SAMPLE_RATE // CLIP_RATE
MAX_HOLD_S = 1.0  # a picture that stands longer is a hole in the data, not a slow camera
_UNSAID, _BT470BG = 2, 5  # colour matrices that mean BT.601, or that everybody reads as BT.601


@dataclass(frozen=True)
class ClipInfo:
    """What ``cut_clip`` wrote."""

    frames: int
    seconds: float
    width: int
    height: int
    copied: bool
    """The source's own h264 data was taken over as it is: no second generation of compression."""


def cut_clip(
    source: str | os.PathLike[str],
    video_out: str | os.PathLike[str],
    audio_out: str | os.PathLike[str],
    start_s: float | None,
    end_s: float | None,
    config: ClipsConfig,
    crop: Window | None = None,
    reference_height: int | None = None,
) -> ClipInfo:
    """Cuts [start_s, end_s) out of a source (None: its start, its end) and writes a mp4 and a wav file that belong
    together.

    Frame k of the clip shows what the source shows at ``start_s + k / 25``, so that any constant or variable rate keeps
    its timing. The wav has exactly 640 samples a frame, counted from the same instant; missing sound is silence. Time 0
    is the source's first frame.

    Args:
        crop: x, y, width, height (px) in the upright picture, at ``reference_height`` if given (HDTF's windows are for
        one resolution).

    Raises:
        BadClip: unreadable, damaged or cut-off source, no audio stream, or less than ``min_seconds`` in the span.
    """
    info = probe(source)
    if info.duration_s <= (start_s or 0.0):
        raise BadClip(f"{source}: clip starts at {start_s:g} s, but the video ends at {info.duration_s:.2f} s")
    start = Fraction(start_s or 0.0).limit_denominator(90_000)
    count = (
        None
        if end_s is None
        else max(0, math.ceil(Fraction(end_s).limit_denominator(90_000) * CLIP_RATE - start * CLIP_RATE))
    )
    audio = read_audio(
        source, SAMPLE_RATE, float(start), None if count is None else float(start + Fraction(count, CLIP_RATE))
    )
    window = None if crop is None else _scaled_window(crop, info, reference_height)
    with atomic_write(video_out) as aside:
        whole = start == 0 and (end_s is None or end_s >= info.duration_s - 0.5 / CLIP_RATE)
        clip = None
        if whole and window is None and _may_be_copied(info, config):
            with suppress(BadClip):  # the other way asks a second decoder before it says so
                clip = _copy(info, aside)
        clip = clip or _encode(info, aside, start, count, config, window)
        if clip.seconds < config.min_seconds:
            raise BadClip(
                f"{source}: clip of {clip.frames} frames ({clip.seconds:.2f} s); {config.min_seconds:g} s are needed"
            )
        samples = clip.frames * SAMPLES_PER_FRAME
        write_wav(audio_out, np.pad(audio[:samples], (0, max(0, samples - len(audio)))), SAMPLE_RATE)
    return clip


def _may_be_copied(info: VideoInfo, config: ClipsConfig) -> bool:
    plain = info.codec == "h264" and info.pix_fmt == "yuv420p" and info.plain
    even = info.width % 2 == 0 and info.height % 2 == 0
    return (
        plain
        and even
        and abs(info.fps - CLIP_RATE) < 1e-3
        and (not config.max_height or info.height <= config.max_height)
    )


def _copy(info: VideoInfo, aside: Path) -> ClipInfo | None:
    """Takes the h264 packets over as they are if every frame decodes and lies exactly on k / 25 s, else returns None.

    Saves a generation of compression and, measured on 488 px clips, most of the time: 5 x the frames/s of encoding.
    """
    with (
        open_media(info.path) as source,
        av.open(f"file:{aside}", "w", format="mp4", options={"movflags": "+faststart"}) as target,
    ):
        stream = video_stream(source)
        stream.thread_type = "AUTO"
        origin, step = stream.start_time, Fraction(1, CLIP_RATE) / tick_length(stream)
        if origin is None or stream.codec_context.colorspace not in (_UNSAID, _BT470BG, BT601):
            return None
        out = target.add_stream_from_template(stream)
        frames = 0
        for packet in source.demux(stream):
            for frame in stream.decode(packet):
                if frame.is_corrupt or (frame.width, frame.height) != (info.width, info.height):
                    return None
                if frame.interlaced_frame or frame.pts is None or frame.pts - origin != frames * step:
                    return None
                frames += 1
            if packet.size:
                if packet.dts is None:
                    return None  # Matroska leaves decoding times out, mp4 cannot do without
                assert packet.pts is not None
                packet.pts, packet.dts, packet.stream = packet.pts - origin, packet.dts - origin, out
                target.mux(packet)
    return ClipInfo(frames, frames / CLIP_RATE, info.width, info.height, copied=True) if frames == info.frames else None


def _encode(
    info: VideoInfo, aside: Path, start: Fraction, count: int | None, config: ClipsConfig, window: Window | None
) -> ClipInfo:
    size, window = _size(info, config, window)
    upright = Upright(info, size, window, "yuv420p")
    with av.open(f"file:{aside}", "w", format="mp4", options={"movflags": "+faststart"}) as target:
        # Measured at 512 px, crf 16: ultrafast takes 0.4 x veryfast's CPU time at the same error and reading speed, for
        # 1.9 x the bytes.
        out = target.add_stream("libx264", rate=CLIP_RATE, options={"crf": str(config.crf), "preset": "ultrafast"})
        out.width, out.height, out.pix_fmt = *size, "yuv420p"
        out.codec_context.colorspace, out.codec_context.color_range = BT601, LIMITED_RANGE
        out.codec_context.thread_count = (
            2  # more threads would cut the picture differently: the same clip on every machine
        )
        written = 0
        for frame in at_constant_rate(stored_pictures(info, start), info, start, count, MAX_HOLD_S):
            shown = upright.picture(frame)
            shown.pts, shown.time_base, shown.pict_type = written, Fraction(1, CLIP_RATE), 0
            target.mux(out.encode(shown))
            written += 1
        target.mux(out.encode(None))
    if not written:
        raise BadClip(f"{info.path}: no frames between {float(start):g} s and the end of the clip")
    return ClipInfo(written, written / CLIP_RATE, *size, copied=False)


def _size(info: VideoInfo, config: ClipsConfig, window: Window | None) -> tuple[tuple[int, int], Window]:
    """(width and height of the clip (px), not taller than allowed, and even; what of the picture is kept)."""
    x, y, width, height = window or (0, 0, info.width, info.height)
    scale = min(1.0, config.max_height / height) if config.max_height else 1.0
    if scale == info.pixel_aspect == 1.0:
        size = width - width % 2, height - height % 2  # drop the odd row or column: nothing gets blurred
        return size, (x, y, *size)
    return (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)), (x, y, width, height)


def _scaled_window(crop: Sequence[float], info: VideoInfo, reference_height: int | None) -> Window:
    """A crop window (x, y, width, height) in the pixels of this very file, held inside the picture."""
    scale = info.height / reference_height if reference_height else 1.0
    x, y, width, height = (round(value * scale) for value in crop)
    x, y = max(0, x), max(0, y)
    width, height = min(width, info.width - x), min(height, info.height - y)
    if width < 2 or height < 2:
        raise BadClip(f"{info.path}: crop window {tuple(crop)} lies outside the {info.width} x {info.height} picture")
    return x, y, width, height
