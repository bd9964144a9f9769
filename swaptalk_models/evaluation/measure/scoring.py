"""Scores of many videos: several processes, one a core, each with its own judges. A video that cannot be measured stops no other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from swaptalk_models.errors import BadClip
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig

if TYPE_CHECKING:
    from swaptalk_models.metrics.evaluate import VideoScores


@dataclass(frozen=True)
class VideoFiles:
    """One video and what it is held against: the arguments of `score_video`."""

    generated: Path
    target: Path | None = None
    source: Path | None = None
    audio: Path | None = None
    gallery: Path | None = None
    setting: str | None = None
    """"self", "cross", or None: told from the sounds."""


def score_videos(
    videos: Sequence[VideoFiles], sync_judge: Path | None, faces: FacesConfig, config: EvaluationConfig
) -> list[VideoScores]:
    """VideoScores of each video, in order. One that the judges cannot measure has no figures; its frames are counted as excluded, and
    `details["not measured"]` says why.

    Args:
        sync_judge: model folder of our judge of lip-sync, or None.

    Raises:
        UserError: a source or a gallery that holds no face.
    """
    workers = min(len(videos), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    jobs = _shared_out(videos, workers)
    scores: list = [None] * len(videos)
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
        tqdm(total=len(videos), desc="metrics", unit="video", disable=None) as bar,
    ):
        work = [([videos[i] for i in numbers], sync_judge, faces, config) for numbers in jobs]
        for numbers, done in zip(jobs, pool.map(_score_some, work), strict=True):
            for number, score in zip(numbers, done, strict=True):
                scores[number] = score
            bar.update(len(numbers))
    return scores


def _shared_out(videos: Sequence[VideoFiles], workers: int) -> list[list[int]]:
    """Numbers of the videos, in groups with one target: a worker remembers its face. Groups too large for one worker are divided."""
    groups: dict[Path, list[int]] = {}
    for number, video in enumerate(videos):
        groups.setdefault(video.target or video.generated, []).append(number)
    most = -(-len(videos) // workers)
    return [numbers[start : start + most] for numbers in groups.values() for start in range(0, len(numbers), most)]


def _score_some(work: tuple[list[VideoFiles], Path | None, FacesConfig, EvaluationConfig]) -> list[VideoScores]:
    videos, *how = work
    return [_score(video, _judges(*how), how[-1]) for video in videos]


def _score(video: VideoFiles, judges, config: EvaluationConfig) -> VideoScores:
    from swaptalk_models.data.media.video import probe
    from swaptalk_models.metrics.definitions import METRICS
    from swaptalk_models.metrics.evaluate import VideoScores, score_video

    *paths, setting = astuple(video)
    try:
        return score_video(*paths, judges, config, setting)
    except BadClip as error:
        reason = str(error)
    try:
        frames = probe(video.generated).frames
    except BadClip:
        frames = 0
    excluded = {"no face in the video" if "no face" in reason else "video cannot be read": frames}
    details = {"not measured": reason, "setting": setting}
    return VideoScores(0, excluded, dict.fromkeys(METRICS), judges.names(), details)


@lru_cache(maxsize=1)
def _judges(sync_judge: Path | None, faces: FacesConfig, config: EvaluationConfig):
    """Once a worker."""
    import cv2
    import torch

    from swaptalk_models.evaluation.measure.judging import load_judges

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    return load_judges(sync_judge, config, faces)
