"""From a decoded frame to the picture as it is shown: upright, of one size, with square pixels, in ordinary colours."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from swaptalk_models.data.media.frame_times import CLIP_RATE
from swaptalk_models.data.media.orientation import Orientation
from swaptalk_models.data.media.pictures import linked
from swaptalk_models.data.media.video_info import VideoInfo

Window = tuple[int, int, int, int]
"""x, y, width, height (px) of the picture as it is shown."""
Filters = list[tuple[str, str]]

SAME_SHAPE = 0.01
"""Relative difference of two aspect ratios that nobody sees."""


class Upright:
    """Makes the frames of one video ready, whatever size each of them has."""

    def __init__(
        self,
        info: VideoInfo,
        size: tuple[int, int] | None = None,
        window: Window | None = None,
        pixels: str = "yuv444p",
    ) -> None:
        """
        Args:
            size: width and height of what comes out (px); None: as the video is shown.
            window: the part of the picture that is kept; None: all.
            pixels: FFmpeg's name of the format that comes out; its matrix is BT.601, its range limited.
        """
        self.info, self.pixels = info, pixels
        self.size, self.window = size or (info.width, info.height), window or (0, 0, info.width, info.height)
        self.orientation = Orientation(info.rotation, info.mirrored)
        self._graph: av.filter.Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def picture(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame through the filters; without a time."""
        shape = frame.width, frame.height, frame.format.name
        if self._graph is None or shape != self._shape:
            self._graph, self._shape = linked(frame, Fraction(1, CLIP_RATE), self._filters(frame)), shape
        self._graph.push(frame)
        shown = self._graph.pull()
        assert isinstance(shown, av.VideoFrame)
        return shown

    def rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """uint8 RGB (H, W, 3)."""
        info = self.info
        if not info.hdr and info.pixel_aspect == 1.0 and self._shape_of(frame) == (info.width, info.height):
            return self.orientation.upright(frame.to_ndarray(format="rgb24"))
        return self.picture(frame).to_ndarray(format="rgb24")

    def _shape_of(self, frame: av.VideoFrame) -> tuple[float, float]:
        """Width and height of a frame as it is shown (px)."""
        width, height = frame.width * self.info.pixel_aspect, float(frame.height)
        return (height, width) if self.orientation.lying else (width, height)

    def _filters(self, frame: av.VideoFrame) -> Filters:
        info = self.info
        width, height = self._shape_of(frame)
        whole = (0, 0, info.width, info.height)
        filters = self.orientation.filters()
        if (round(width), round(height)) != (info.width, info.height):  # the size changes in mid-stream
            filters += self._fitted(width, height)
        elif info.pixel_aspect != 1.0 and self.window != whole:
            filters.append(("scale", f"{info.width}:{info.height}:flags=area+accurate_rnd"))
        if self.window != whole:
            x, y, wide, high = self.window
            filters.append(("crop", f"{wide}:{high}:{x}:{y}:exact=1"))
        curves = ":out_primaries=bt709:out_transfer=bt709" if info.hdr else ""
        size = f"{self.size[0]}:{self.size[1]}"
        filters.append(("scale", f"{size}:flags=area+accurate_rnd:out_color_matrix=bt601:out_range=tv{curves}"))
        return [*filters, ("format", self.pixels)]

    def _fitted(self, width: float, height: float) -> Filters:
        """Filters that put a picture of this size (px) into the video's, its shape unchanged, black beside it."""
        info = self.info
        scale = min(info.width / width, info.height / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        if abs(width / height * info.height / info.width - 1) < SAME_SHAPE:
            inner = info.width, info.height
        filters = [("scale", f"{inner[0]}:{inner[1]}:flags=area+accurate_rnd")]
        if inner != (info.width, info.height):
            left, top = (info.width - inner[0]) // 2, (info.height - inner[1]) // 2
            filters.append(("pad", f"{info.width}:{info.height}:{left}:{top}:black"))
        return filters
