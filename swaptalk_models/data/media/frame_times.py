"""When the frames of a file are shown, by its index or its packets, without decoding; and whether some are missing."""

from __future__ import annotations

import os
from fractions import Fraction

import av
import numpy as np

from swaptalk_models.data.media.container import file_name, tick_length
from swaptalk_models.errors import BadClip

CLIP_RATE = 25
"""Frames a second of everything here."""


def indexed_ticks(container: av.container.InputContainer, stream: av.VideoStream) -> list[int] | None:
    """Times of all frames, sorted, in ticks of the stream, by the index of an mp4, which is complete and in memory: no
    need to read a gigabyte. None: it has none. Raises BadClip when data is missing at the end of the file.
    """
    if "mp4" not in container.format.name or not stream.frames:
        return None
    path = file_name(container)
    size = os.path.getsize(path)
    entries = [entry for entry in stream.index_entries if not entry.is_discard]
    missing = sum(entry.pos + entry.size > size for entry in entries)
    if missing:
        raise BadClip(f"{path}: cut off: {missing} of {len(entries)} frames are missing")
    return sorted(entry.timestamp for entry in entries)


def read_ticks(container: av.container.InputContainer, stream: av.VideoStream) -> list[int]:
    """The same for any file, by reading all of it. The container has to be opened anew afterwards: not all can go back."""
    path = file_name(container)
    ticks, repeated, end = _packet_ticks(container, stream)
    promised = (container.duration or 0) / av.time_base
    if len(ticks) + repeated < stream.frames - 2:  # an AVI may count a frame or two that its B-frames only announce
        missing = stream.frames - len(ticks)
        raise BadClip(f"{path}: cut off: {missing} of {stream.frames} frames are missing")
    if ticks and promised - end > max(1.0, 0.02 * promised):
        raise BadClip(f"{path}: cut off: {end:.1f} s of the {promised:.1f} s that its header promises")
    return sorted(ticks)


def _packet_ticks(container: av.container.InputContainer, stream: av.VideoStream) -> tuple[list[int], int, float]:
    """(times of the frames, packets that say "as before", time from the first to the last packet of picture and sound
    (s)): sound may go on when the picture has ended.
    """
    tick = tick_length(stream)
    frame_ticks = 1 / (stream.average_rate or Fraction(CLIP_RATE)) / tick
    ticks: list[int] = []
    repeated = 0
    first, last = np.inf, -np.inf
    for packet in container.demux(stream, *container.streams.audio):
        moment = packet.pts if packet.pts is not None else packet.dts
        if packet.stream is not stream:
            if moment is not None and packet.size:
                first = min(first, float(moment * packet.time_base))
                last = max(last, float((moment + (packet.duration or 0)) * packet.time_base))
        elif packet.size:
            ticks.append(moment if moment is not None else round(len(ticks) * frame_ticks))
        else:
            repeated += 1
    if ticks:
        first, last = min(first, float(min(ticks) * tick)), max(last, float(max(ticks) * tick))
    return ticks, repeated, max(0.0, float(last - first))


def on_the_beat(ticks: list[int], tick: Fraction) -> bool:
    """Whether frame k, and no other, is on show at k / 25 s, for all k: such a video needs no other frames.

    Args:
        ticks: sorted times of all frames.
        tick: their unit (s); stamps are rounded to it, so a frame may be late by half of it.
    """
    moments = np.array(ticks, np.int64) - ticks[0]
    numbers = np.arange(len(moments) + 1)
    # moment * tick <= k / 25 + tick / 2, in whole numbers
    here = 2 * CLIP_RATE * tick.numerator * moments
    late = 2 * tick.denominator * numbers + CLIP_RATE * tick.numerator
    return bool((here <= late[:-1]).all() and (here[1:] > late[:-2]).all())
