"""The decoded pieces of a file's sound, each with its time; and what a second decoder makes of what one cannot read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import av

from swaptalk_models.data.media.container import open_media, sound_stream, tick_length, video_stream
from swaptalk_models.data.media.sound_arrays import sound_frame
from swaptalk_models.errors import BadClip

PREROLL_S = 0.5  # decoded and thrown away after a seek: AAC and mp3 frames overlap with the ones before
_JUNK = 8
"""Packets at the start and the end of a file that may be no sound: tags, and frames that were cut in two."""
_BARE = {"mp3", "aac", "ac3", "eac3", "dts", "loas", "mpegts", "mpeg"}
"""Formats without an index."""
_BLOCK = 1 << 16

Zero = Literal["picture", "first"]
"""What time 0 is: the first frame of the file's video where there is one, or whatever comes first."""


class Piece(NamedTuple):
    """Some samples as the decoder gave them."""

    moment: float | None
    """Of the first sample (s from time 0); None: right behind the piece before."""
    frame: av.AudioFrame


def sound_pieces(
    path: str | os.PathLike[str], start_s: float = 0.0, stop_s: float | None = None, zero: Zero = "picture"
) -> Iterator[Piece]:
    """The pieces of the default track from about ``start_s`` to about ``stop_s`` (s), in order.

    What FFmpeg cannot decode, libsndfile is asked for before the file is called damaged.

    Raises:
        BadClip: no sound, or damaged.
    """
    begun = False
    try:
        for piece in _by_ffmpeg(path, start_s, stop_s, zero):
            begun = True
            yield piece
        return
    except BadClip as error:
        verdict = error
    other = None if begun else _by_sndfile(path)
    if other is None:
        raise verdict
    yield from other


def _by_ffmpeg(path: str | os.PathLike[str], start_s: float, stop_s: float | None, zero: Zero) -> Iterator[Piece]:
    with open_media(path) as container:
        stream = sound_stream(container)
        origin = _origin(container, stream, zero)
        if start_s > PREROLL_S:
            container.seek(int((origin + start_s - PREROLL_S) / tick_length(stream)), stream=stream, backward=True)
        for frame in _decoded(container, stream):
            moment = None
            if frame.pts is not None:
                assert frame.time_base is not None
                moment = float(frame.pts * frame.time_base) - origin
            if moment is not None and moment + frame.samples / frame.sample_rate <= start_s - PREROLL_S:
                continue
            if stop_s is not None and moment is not None and moment > stop_s + PREROLL_S:
                return
            yield Piece(moment, frame)


def _origin(container: av.container.InputContainer, stream: av.AudioStream, zero: Zero) -> float:
    """When time 0 is by the file's own clock (s)."""
    own = float((stream.start_time or 0) * tick_length(stream))
    try:
        picture = video_stream(container)
    except BadClip:  # sound alone, but for a cover
        return own
    start = float((picture.start_time or 0) * tick_length(picture))
    return start if zero == "picture" else min(start, own)


def _decoded(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """The frames; what is no sound at the very start and end is passed over. In bare streams it is so everywhere: two
    that were joined have the header of the second in the middle.
    """
    begun, junk, bare = False, 0, container.format.name in _BARE
    fault: av.FFmpegError | None = None
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError as error:
            fault, junk = error, junk + 1
            if junk > _JUNK:
                raise
            continue
        if frames:
            if begun and fault is not None and not bare:  # in the middle of the sound
                raise fault
            begun, fault, junk = True, None, 0
        yield from frames
    if fault is not None and not begun:
        raise fault


def _by_sndfile(path: str | os.PathLike[str]) -> Iterator[Piece] | None:
    import soundfile

    try:
        file = soundfile.SoundFile(os.fspath(Path(path)))
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError):
        return None
    return _sndfile_pieces(file, path)


def _sndfile_pieces(file: object, path: str | os.PathLike[str]) -> Iterator[Piece]:
    import soundfile

    assert isinstance(file, soundfile.SoundFile)
    layouts = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
    done = 0
    with file:
        while True:
            try:
                block = file.read(_BLOCK, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise BadClip(f"{path}: damaged data after {done / file.samplerate:.2f} s") from error
            if not len(block):
                return
            block = block if block.shape[1] in layouts else block.mean(axis=1, keepdims=True)
            frame = sound_frame(block.T, layouts[block.shape[1]], file.samplerate, done)
            yield Piece(done / file.samplerate, frame)
            done += len(block)
