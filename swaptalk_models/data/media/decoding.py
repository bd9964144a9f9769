"""Decoding pictures in the order in which they are shown, and telling damage."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import av
from av.codec.codec import codecs_available

from swaptalk_models.data.media.container import file_name, remake, tick_length
from swaptalk_models.errors import BadClip

_COUNTED = {"avi", "h264", "hevc", "vvc", "m4v", "mpegvideo", "vc1", "mjpeg", "dv"}
"""Formats that know no display times, only a constant rate: their frames are counted, from the start."""
_ANYWHERE = {"mpegts", "mpeg", "h264", "hevc"}
"""Formats of broadcasts, in which a recording may begin between two key frames."""
_OTHERS = {"vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libaom-av1", "libdav1d": "libaom-av1"}
"""A second decoder, by the name of the usual one."""


def is_counted(container: av.container.InputContainer) -> bool:
    """Whether frames have the times of a constant rate, as no others are stored."""
    return container.format.name in _COUNTED


def decode_frames(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    start_pts: int | None = None,
    damaged: list[float] | None = None,
    careful: bool = False,
) -> Iterator[av.VideoFrame]:
    """Decodes in display order, from the last key frame at or before ``start_pts`` on.

    FFmpeg paints damage over (grey blocks, smeared motion) and only flags such frames: no such frame may reach a
    training, so they raise BadClip. Its `err_detect=explode` is no way out: it also refuses sound files after a seek
    into an open group of pictures.

    Args:
        damaged: if given, damaged frames are left out, and their times (s from the first frame) are put in here. What
            refers to them follows as it comes, and is not flagged: good enough to look at, not to train on.
        careful: decode in one thread, and with another decoder than the usual where there is one.
    """
    context = stream.codec_context
    if context is None:
        raise BadClip(f"{file_name(container)}: no decoder for its video stream: {remake(file_name(container))}")
    if careful:
        context = _second_decoder(context)
        stream.thread_type = "NONE"
    else:
        stream.thread_type = "AUTO"
    counted = is_counted(container)
    last: int | None = None
    whole = start_pts is None or counted
    frames = _decoded(container, stream, context, damaged)
    if start_pts is not None and not counted:
        container.seek(start_pts, stream=stream, backward=True)
        first = next(frames, None)
        if first is not None and first.pts is not None and first.pts > start_pts:
            # No key frame where the index names one, and the decoder went on to the next: it is found from the start.
            container.seek(stream.start_time or 0, stream=stream, backward=True)
            first, whole, frames = None, True, _decoded(container, stream, context, damaged)
        frames = chain([first] if first is not None else [], frames)
    begun = container.format.name not in _ANYWHERE
    for index, frame in enumerate(frames):
        begun = begun or (frame.key_frame and not frame.is_corrupt)
        if not begun and frame.is_corrupt:
            continue  # what it refers to was sent before the recording began
        if counted:
            rate = stream.average_rate or stream.guessed_rate or 25
            frame.pts = (stream.start_time or 0) + round(index / rate / tick_length(stream))
            frame.time_base = tick_length(stream)
        whole = whole or frame.key_frame
        if frame.pts is None or (last is not None and frame.pts <= last):
            if damaged is None:
                name = file_name(container)
                raise BadClip(f"{name}: damaged data (frames without or with falling time stamps): {remake(name)}")
            damaged.append(_moment(stream, frame.pts if frame.pts is not None else last))
            continue
        if not whole and start_pts is not None and frame.pts < start_pts:
            continue  # leading frames of an open group of pictures: what they refer to lies before the seek
        last = frame.pts
        if not frame.is_corrupt:
            yield frame
        elif damaged is None:
            raise BadClip(f"{file_name(container)}: damaged data at {_moment(stream, frame.pts):.2f} s")
        else:
            damaged.append(_moment(stream, frame.pts))


def _second_decoder(usual: av.VideoCodecContext) -> av.VideoCodecContext:
    name = _OTHERS.get(usual.name)
    if name is None or name not in codecs_available:
        return usual
    other = av.CodecContext.create(name, "r")
    assert isinstance(other, av.VideoCodecContext)
    other.extradata = usual.extradata
    return other


def _decoded(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    context: av.VideoCodecContext,
    damaged: list[float] | None,
) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        try:
            frames = packet.decode() if context is stream.codec_context else context.decode(packet)
        except av.FFmpegError:
            if damaged is None:
                raise
            damaged.append(_moment(stream, packet.pts if packet.pts is not None else packet.dts))
            continue
        yield from frames


def _moment(stream: av.VideoStream, pts: int | None) -> float:
    return float(((pts or 0) - (stream.start_time or 0)) * tick_length(stream))
