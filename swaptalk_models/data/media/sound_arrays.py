"""Decoded sound as arrays, whatever the decoder's format, and back."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

_PLANES = 7
"""With more, PyAV reads behind the end of the list of planes: such frames are packed first."""


class FrameArrays:
    """The samples of a file's frames."""

    def __init__(self) -> None:
        self._packer: av.AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None

    def of(self, frame: av.AudioFrame) -> np.ndarray:
        """float32 (channels, samples) in [-1, 1]."""
        channels = frame.layout.nb_channels
        if not frame.format.is_planar or channels <= _PLANES:
            return _floats(frame, channels)
        shape = frame.format.name, frame.layout.name, frame.sample_rate
        if self._packer is None or shape != self._shape:
            self._packer, self._shape = av.AudioResampler(format="flt", layout=frame.layout.name), shape
        pts, frame.pts = frame.pts, None
        packed = self._packer.resample(frame)
        frame.pts = pts
        return np.concatenate(
            [np.zeros((channels, 0), np.float32), *(_floats(each, channels) for each in packed)], axis=1
        )


def _floats(frame: av.AudioFrame, channels: int) -> np.ndarray:
    values = np.asarray(frame.to_ndarray())
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    if values.dtype == np.uint8:
        return (values.astype(np.float32) - 128) / 128
    scale = 1.0 if values.dtype.kind == "f" else 2.0 ** (8 * values.dtype.itemsize - 1)
    return values.astype(np.float32) / np.float32(scale)


def sound_frame(samples: np.ndarray, layout: str, rate: int, first: int) -> av.AudioFrame:
    """A frame of float samples (channels, samples); ``first`` is the number of its first sample."""
    packed = np.ascontiguousarray(samples.T, np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
    return frame
