"""Describing a video, with the reasons why one cannot be read."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import ColorPrimaries, ColorTrc

from swaptalk_models.data.media.container import file_name, open_media, remake, tick_length, video_stream
from swaptalk_models.data.media.decoding import decode_frames
from swaptalk_models.data.media.frame_times import indexed_ticks, on_the_beat, read_ticks
from swaptalk_models.data.media.orientation import orientation_of
from swaptalk_models.data.media.picture_files import animation_frames, is_picture
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.errors import BadClip

MAX_PIXELS = 8192 * 4352
MIN_SIDE = 32  # px; no face of use fits into less, and decoders do odd things
MAX_ASPECT = 4  # of one pixel's sides; twice what any format in use has
MIN_RATE = 5.0  # frames/s; below this nobody can see a mouth move
_BRIGHT = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ and HLG


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Describes a video, from its index and its first frame. A still picture is a video of one frame.

    Raises:
        BadClip: no video, cut off, no frames, absurd size; the message names the file and the cause.
    """
    path = Path(path)
    if is_picture(path):
        return _describe_animation(path)
    with open_media(path) as container:
        stream = video_stream(container)
        ticks = indexed_ticks(container, stream)
        first = _first_frame(container, stream)
        has_audio, codec = bool(container.streams.audio), stream.codec_context.name
        tick, nominal_rate = tick_length(stream), stream.average_rate or Fraction(25)
        aspect = float(stream.sample_aspect_ratio or 1)
    whole = True
    if ticks is None:
        with open_media(path) as container:
            ticks = read_ticks(container, video_stream(container))
        whole = first.pts is None or not ticks or first.pts <= ticks[0]  # else it begins between two key frames
    if not ticks:
        raise BadClip(f"{path}: no frames")
    if not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
        raise BadClip(f"{path}: claims pixels {aspect:.3g} times as wide as high")
    try:
        orientation = orientation_of(first)
    except ValueError as error:
        raise BadClip(f"{path}: {error}: {remake(path)}") from None
    frames, span = len(ticks), (ticks[-1] - ticks[0]) * tick
    duration = span * frames / (frames - 1) if span > 0 else frames / nominal_rate
    width, height = max(1, round(first.width * aspect)), first.height
    width, height = (height, width) if orientation.lying else (width, height)
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        fps=float(frames / duration),
        frames=frames,
        duration_s=float(duration),
        has_audio=has_audio,
        codec=codec,
        rotation=orientation.rotation,
        pix_fmt=first.format.name,
        interlaced=bool(first.interlaced_frame),
        hdr=int(first.color_trc) in _BRIGHT or int(first.color_primaries) == ColorPrimaries.BT2020,
        mirrored=orientation.mirrored,
        pixel_aspect=aspect,
        on_the_beat=whole and on_the_beat(ticks, tick),
    )


def check_trainable(info: VideoInfo) -> None:
    """Whether a video can be trained on. BadClip: too few frames a second, or no sound."""
    if info.frames / info.duration_s < MIN_RATE:
        raise BadClip(
            f"{info.path}: {info.frames} frames in {info.duration_s:.0f} s; at least {MIN_RATE:g} frames/s are needed"
        )
    if not info.has_audio:
        raise BadClip(f"{info.path}: no audio stream")


def _describe_animation(path: Path) -> VideoInfo:
    """Raises BadClip: the picture cannot be read."""
    moments = []
    for moment, image in animation_frames(path):
        moments.append(moment)
        height, width = image.shape[:2]
    ends = moments.pop()
    frames = len(moments)
    beat = on_the_beat([round(moment * 1000) for moment in moments], Fraction(1, 1000))
    return VideoInfo(
        path, width, height, frames / float(ends), frames, float(ends), False, "picture", 0, "rgb24", False, False,
        on_the_beat=beat,
    )  # fmt: skip


def _first_frame(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame:
    name, context = file_name(container), stream.codec_context
    if context is None:
        raise BadClip(f"{name}: no decoder for its video stream: {remake(name)}")
    if context.width * context.height > MAX_PIXELS:
        raise BadClip(f"{name}: claims to be {context.width} x {context.height} px; over {MAX_PIXELS} px are refused")
    for frame in decode_frames(container, stream):
        if min(frame.width, frame.height) < MIN_SIDE:
            raise BadClip(f"{name}: {frame.width} x {frame.height} px; {MIN_SIDE} px a side are needed")
        return frame
    raise BadClip(f"{name}: no frame can be decoded")
