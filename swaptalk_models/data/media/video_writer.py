"""Writing h264 + AAC mp4 files that every player and browser shows."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from swaptalk_models.data.media.sound_writer import SoundWriter
from swaptalk_models.data.media.voice import Voice, mono_voice
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError

BT601 = 6  # AVCOL_SPC_SMPTE170M: what swscale converts RGB to; said in the file, or players guess BT.709 for large ones
LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG


class VideoWriter:
    """Writes RGB frames, and optionally sound, to an mp4 file that appears whole when the ``with`` block ends, and not
    at all on an error.

    Odd sizes are padded to even ones by repeating the last row and column (yuv420p needs pairs).

    Args:
        path: the mp4 to write.
        width, height: size of the frames (px).
        fps: constant rate (frames/s).
        audio: float (samples,) in [-1, 1], written as it is, neither cut nor padded to the picture; or a Voice, cut or
            padded to the picture, of which no more than a second is held.
        rate: sample rate of ``audio`` (Hz), where it is an array.
        crf: x264's constant rate factor, 0 (lossless) to 51.
        finish: called with the whole file, which it may change in place, before that appears as ``path``.

    Raises:
        UserError: the file cannot be written; the message says why.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        width: int,
        height: int,
        fps: float = 25,
        audio: np.ndarray | Voice | None = None,
        rate: int = 16000,
        crf: int = 18,
        finish: Callable[[Path], None] | None = None,
    ) -> None:
        self.shape = (height, width, 3)
        self.frames = 0
        self._fps = Fraction(fps).limit_denominator(1001)
        self._to_the_picture = isinstance(audio, Voice)
        self._voice = audio if audio is None or isinstance(audio, Voice) else mono_voice(audio, rate)
        self._sound: SoundWriter | None = None
        self._crf = crf
        self._finish = finish
        self._path, self._file = path, atomic_write(path)

    def __enter__(self) -> Self:
        try:
            self._aside = self._file.__enter__()
        except OSError as error:
            raise self._not_written(error) from error
        try:
            # `file:`, or FFmpeg takes `12:30.mp4` for an address of the protocol "12".
            self._container = av.open(f"file:{self._aside}", "w", format="mp4", options={"movflags": "+faststart"})
            self._open_streams()
        except BaseException as error:
            self._file.__exit__(type(error), error, error.__traceback__)
            if isinstance(error, OSError):
                raise self._not_written(error) from error
            raise
        return self

    def _not_written(self, error: OSError) -> UserError:
        return UserError(f"{self._path}: cannot be written: {error.strerror or error}")

    def _open_streams(self) -> None:
        height, width, _ = self.shape
        options = {"crf": str(self._crf), "preset": "veryfast"}
        self._video = self._container.add_stream("libx264", rate=self._fps, options=options)
        self._video.width, self._video.height, self._video.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        self._video.codec_context.colorspace, self._video.codec_context.color_range = BT601, LIMITED_RANGE
        if self._voice:
            self._sound = SoundWriter(self._container, self._voice)

    def write(self, frame: np.ndarray) -> None:
        """Appends one uint8 RGB frame (height, width, 3)."""
        if frame.shape != self.shape or frame.dtype != np.uint8:
            raise ValueError(f"expected a uint8 frame {self.shape}, got {frame.dtype} {frame.shape}")
        height, width, _ = self.shape
        if height % 2 or width % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = self.frames, 1 / self._fps
        try:
            self._container.mux(self._video.encode(picture.reformat(format="yuv420p", dst_colorspace=BT601)))
            self.frames += 1
            # Sound goes in beside its picture, so that a player never has to jump about in the file.
            if self._voice and self._sound:
                self._sound.write(int(self.frames / self._fps * self._voice.rate))
        except OSError as error:
            raise self._not_written(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                if not self.frames:
                    raise ValueError("a video needs at least one frame")
                self._container.mux(self._video.encode(None))
                if self._voice and self._sound:
                    end = math.ceil(self.frames / self._fps * self._voice.rate) if self._to_the_picture else None
                    self._sound.end(end)
            self._container.close()
            if kind is None and self._finish is not None:
                self._finish(self._aside)
        except BaseException as fault:
            with suppress(OSError):
                self._container.close()
            self._file.__exit__(type(fault), fault, fault.__traceback__)
            if isinstance(fault, OSError):
                raise self._not_written(fault) from fault
            raise
        try:
            self._file.__exit__(kind, error, trace)
        except OSError as fault:
            raise self._not_written(fault) from fault
