"""Opening a media file, and choosing its picture and its sound.

Every file goes through PyAV with a whitelist of containers: FFmpeg would otherwise follow a play list that somebody
renamed to `.mp4` to other files and addresses.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Disposition

from swaptalk_models.data.media.picture_files import is_picture
from swaptalk_models.errors import BadClip

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,flv,asf,ogg,mxf,gxf,dv,nut,rm,wtv,yuv4mpegpipe,mjpeg"
    ",h264,hevc,vvc,m4v,mpegvideo,vc1,obu,ivf,av1"  # pictures alone, some without any container
    ",wav,w64,mp3,aac,flac,aiff,caf,au,ac3,eac3,ac4,dts,dtshd,truehd,wv,tta,ape,tak,amr,amrnb,amrwb,voc,mpc,mpc8"
    ",dsf,shn,oma,qoa,latm,loas"  # sound alone
)
_THE_MACHINES = (errno.ENOSPC, errno.EIO, errno.ENOMEM)
_NO_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""The cover of a song and the stills of a menu are no video."""
_OF_PICTURES = ("mjpeg", "png", "bmp", "gif", "tiff", "webp", "jpeg2000", "jpegls")
"""Codecs of a cover that is not flagged as one, where there is a picture in another codec."""
_FOR_SOME = Disposition.comment | Disposition.visual_impaired | Disposition.karaoke | Disposition.clean_effects
"""Tracks that a player gives only to those who ask for them."""
_NOT_OURS = (ValueError, ArithmeticError, LookupError, NotImplementedError)
"""What libraries raise when a file surprises them."""


@contextmanager
def open_media(path: str | os.PathLike[str]) -> Iterator[av.container.InputContainer]:
    """Opens a media file for reading. Raises BadClip with a reason that a person understands; so do decoding errors
    inside the block.
    """
    path = Path(path)
    if not path.is_file():
        raise BadClip(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    if is_picture(path):
        raise BadClip(f"{path}: is a picture: there is no sound in it, and nothing moves")
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        if path.stat().st_size == 0:
            raise BadClip(f"{path}: empty file (0 bytes)")
        with open(path, "rb"):
            pass  # a file that may not be read is no damaged one
        # `file:`, or FFmpeg takes `12:30.mp4` for an address of the protocol "12".
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except PermissionError:
        raise BadClip(f"{path}: may not be read: permission denied") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadClip(f"{path}: {_why_unreadable(path)}") from error
    try:
        yield container
    except av.FFmpegError as error:
        # Most of FFmpeg's own words would mislead: "operation not permitted" is a decoder's for a slice it cannot read.
        machine = f" ({error.strerror})" if error.errno in _THE_MACHINES else ""
        raise BadClip(f"{path}: damaged data{machine}") from error
    except _NOT_OURS as error:
        said = " ".join(str(error).split())[:200]
        raise BadClip(f"{path}: cannot be read ({type(error).__name__}: {said}): {remake(path)}") from error
    finally:
        container.close()


def remake(path: str | os.PathLike[str]) -> str:
    """What helps with a video that we cannot read and others can."""
    return f"make it anew, as with `ffmpeg -i {Path(path).name} -c:v libx264 -c:a aac NEW.mp4`"


def _why_unreadable(path: Path) -> str:
    """Tells a cut-off mp4 from a file that never was a video."""
    boxes: set[bytes] = set()
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        position = 0
        while position + 8 <= size and len(boxes) < 64:
            file.seek(position)
            header = file.read(16)
            length, name = int.from_bytes(header[:4], "big"), header[4:8]
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            boxes.add(name)
            if length < 8:
                break
            position += length
    if b"ftyp" not in boxes:
        return "not a video file (no known container); most others become one with `ffmpeg -i FILE NEW.mp4`"
    return (
        "cut off: its index (moov) is missing" if b"moov" not in boxes else "damaged: its index (moov) cannot be read"
    )


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The picture: the video stream that is flagged as default, else the first. Covers and thumbnails are none.

    Raises:
        BadClip: there is none.
    """
    found = [s for s in container.streams.video if not Disposition(s.disposition) & _NO_PICTURE]
    if not found:
        raise BadClip(f"{file_name(container)}: no video stream")

    def preference(stream: av.VideoStream) -> tuple[bool, bool, bool, bool, int]:
        codec = stream.codec_context and stream.codec_context.name
        return codec is None, codec in _OF_PICTURES, *_preference(stream)

    return min(found, key=preference)


def sound_stream(container: av.container.InputContainer) -> av.AudioStream:
    """The sound that a player would play: the track that is flagged as default, else the first that is for everybody.

    Raises:
        BadClip: there is none, or no decoder for any.
    """
    if not container.streams.audio:
        raise BadClip(f"{file_name(container)}: no audio stream")
    found = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not found:
        raise BadClip(f"{file_name(container)}: no decoder for its audio stream: {remake(file_name(container))}")
    return min(found, key=_preference)


def _preference(stream: av.VideoStream | av.AudioStream) -> tuple[bool, bool, int]:
    """The smallest is what a player takes."""
    flags = Disposition(stream.disposition)
    return not flags & Disposition.default, bool(flags & _FOR_SOME), stream.index


def tick_length(stream: av.VideoStream | av.AudioStream) -> Fraction:
    """What the stream's time stamps count in (s)."""
    assert stream.time_base is not None  # only what is not part of a file yet has none
    return stream.time_base


def file_name(container: av.container.InputContainer) -> str:
    """Path of an open file, as it was given."""
    return container.name.removeprefix("file:")
