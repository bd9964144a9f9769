"""Dividing a whole video into clips: by its shots, and these into chunks. Light: planned in every run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from swaptalk_models.data.media.video_info import VideoInfo
from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import ClipsConfig


def plan_clips(info: VideoInfo, config: ClipsConfig, cuts: Sequence[float] = ()) -> list[tuple[float, float]]:
    """Spans (start_s, end_s) of the clips of a video without annotations.

    Scene cuts (s) divide it into shots; shots shorter than ``min_seconds`` are left out; long ones are cut into chunks
    of ``chunk_seconds``, the rest merged into the last chunk: 62 s become 0-10, ..., 40-50, 50-62.

    Raises:
        BadClip: nothing of ``min_seconds`` is left.
    """
    borders = [0.0, *sorted(cut for cut in cuts if 0.0 < cut < info.duration_s), info.duration_s]
    spans: list[tuple[float, float]] = []
    for start, end in pairwise(borders):
        if end - start < config.min_seconds:
            continue
        chunks = max(1, int((end - start) / config.chunk_seconds + 1e-6))
        inner = [start + i * config.chunk_seconds for i in range(chunks)]
        spans += zip(inner, [*inner[1:], end], strict=True)
    if not spans:
        what = "no shot" if len(borders) > 2 else f"{info.frames} frames ({info.duration_s:.2f} s)"
        raise BadClip(f"{info.path}: {what}: at least {config.min_seconds:g} s in one piece are needed")
    return spans
