"""The one door: the pictures of any video as they are to be shown, each with its time. Trainings, generations and
measurements all read through here.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import av

from swaptalk_models.data.media.container import open_media, tick_length, video_stream
from swaptalk_models.data.media.decoding import decode_frames
from swaptalk_models.data.media.frame_times import CLIP_RATE
from swaptalk_models.data.media.picture_files import animation_frames, is_picture
from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.errors import BadClip

_MS = Fraction(1, 1000)


class Picture(NamedTuple):
    """One stored picture: whole frames, not fields; still as its decoder gives it (`upright.py` makes it ready)."""

    moment: Fraction
    """When it appears (s from the first frame)."""
    rounding: Fraction
    """Half a tick of the file (s): by so much may the moment be late."""
    frame: av.VideoFrame


def stored_pictures(info: VideoInfo, start: Fraction = Fraction(0)) -> Iterator[Picture]:
    """All pictures in the order in which they are shown, from the last key frame at or before ``start`` (s) on.

    What one decoder cannot read, a second one is asked for before the file is called damaged.

    Raises:
        BadClip: damaged, or no video.
    """
    last = None
    try:
        for picture in _pictures(info, start, careful=False):
            yield picture
            last = picture.moment
        return
    except BadClip as error:
        verdict = error
    try:
        for picture in _pictures(info, start, careful=True):
            if last is None or picture.moment > last:
                yield picture
    except BadClip:
        raise verdict from None


def _pictures(info: VideoInfo, start: Fraction, careful: bool) -> Iterator[Picture]:
    if is_picture(info.path):
        yield from _animated(info)
        return
    with open_media(info.path) as container:
        stream = video_stream(container)
        tick = tick_length(stream)
        origin = (stream.start_time or 0) * tick
        first = int((origin + start) / tick) if start else None
        for frame in deinterlaced(decode_frames(container, stream, first, careful=careful), stream):
            assert frame.pts is not None and frame.time_base is not None
            yield Picture(frame.pts * frame.time_base - origin, tick / 2, frame)


def _animated(info: VideoInfo) -> Iterator[Picture]:
    for (moment, image), (_following, _) in pairwise(animation_frames(info.path)):
        yield Picture(moment, _MS / 2, av.VideoFrame.from_ndarray(image, format="rgb24"))


def deinterlaced(frames: Iterator[av.VideoFrame], stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Frames as they are up to the first one that says that it is interlaced: what was filmed is often cut together of
    both kinds. The filter, too, leaves those alone that are not.
    """
    graph, size = None, None
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        if graph is not None and size != (frame.width, frame.height, frame.format.name):
            graph.push(None)
            yield from _ready(graph)
            graph = None
        if graph is None:
            graph = linked(frame, tick_length(stream), [("bwdif", "mode=send_frame:deint=interlaced")])
            size = (frame.width, frame.height, frame.format.name)
        graph.push(frame)
        yield from _ready(graph)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph)


def _ready(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = graph.pull()
            assert isinstance(frame, av.VideoFrame)
            yield frame
        except (av.BlockingIOError, av.EOFError):
            return


def linked(frame: av.VideoFrame, time_base: Fraction, filters: list[tuple[str, str]]) -> av.filter.Graph:
    """A chain of filters for frames like this one."""
    graph = av.filter.Graph()
    nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)]
    nodes += [graph.add(name, arguments) for name, arguments in filters] + [graph.add("buffersink")]
    for node, following in pairwise(nodes):
        node.link_to(following)
    graph.configure()
    return graph


def at_constant_rate(
    pictures: Iterator[Picture],
    info: VideoInfo,
    start: Fraction = Fraction(0),
    count: int | None = None,
    longest: float | None = None,
) -> Iterator[av.VideoFrame]:
    """For k = 0, 1, ...: the frame shown at start + k / 25, by the time stamps alone.

    Args:
        count: so many; None: to the end.
        longest: a picture that stands for longer (s) is a hole in the data.

    Raises:
        BadClip: see ``longest``.
    """
    k, shown, begins, rounding = 0, None, Fraction(0), Fraction(0)
    usual = Fraction(info.fps).limit_denominator(90_000)
    for following, rounding, frame in pictures:
        hole = shown is not None and longest is not None and following > start and following - begins > longest
        if hole:
            raise BadClip(f"{info.path}: no picture from {float(begins):.2f} to {float(following):.2f} s")
        while shown is not None and start + Fraction(k, CLIP_RATE) + rounding < following and k != count:
            yield shown
            k += 1
        if k == count:
            return
        shown, begins = frame, following
    ends = max(
        begins + 1 / usual, Fraction(info.duration_s).limit_denominator(90_000) if info.codec == "picture" else 0
    )
    while shown is not None and start + Fraction(k, CLIP_RATE) + rounding < ends and k != count:
        yield shown
        k += 1
