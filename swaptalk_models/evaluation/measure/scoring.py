"""Scores of many videos: several processes, one a core, each with its own judges. A video that cannot be measured stops no
other. What is held of a video are its figures and curves; the statistics of its features wait in files to be pooled.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.evaluation.measure.video_files import VideoFiles
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig

if TYPE_CHECKING:
    from swaptalk_models.metrics.evaluate import VideoScores
    from swaptalk_models.metrics.judges import Judges


def score_videos(
    videos: Sequence[VideoFiles],
    sync_judge: Path | None,
    faces: FacesConfig,
    config: EvaluationConfig,
    features: Path,
    encodings: Path | None = None,
) -> list[VideoScores]:
    """VideoScores of each video, in order. One that the judges cannot measure has no figures; its frames are counted as
    excluded, and `details["not measured"]` says why.

    Args:
        sync_judge: model folder of our judge of lip-sync, or None.
        features: folder for the statistics of each video's features, which `summarise` pools; some megabytes a video.
            The caller's to delete, once the scores are summarised.
        encodings: folder for copies in one common encoding, which are measured instead of the videos; None: they are
            measured as they are.

    Raises:
        UserError: a source or a gallery that holds no face.
    """
    workers = min(
        len(videos), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    jobs = _shared_out(videos, workers)
    scores: list[VideoScores | None] = [None] * len(videos)
    features.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
        tqdm(total=len(videos), desc="metrics", unit="video", disable=None) as bar,
    ):
        score_some = partial(
            _score_some, sync_judge=sync_judge, faces=faces, config=config, features=features, encodings=encodings
        )
        work = [[(number, videos[number]) for number in numbers] for numbers in jobs]
        for numbers, done in zip(jobs, pool.map(score_some, work), strict=True):
            for number, score in zip(numbers, done, strict=True):
                scores[number] = score
            bar.update(len(numbers))
    return [score for score in scores if score is not None]


def evaluate_files(video: VideoFiles, sync_judge: Path | None, config: EvaluationConfig) -> dict[str, Any]:
    """JSON-ready result of one video, see `score_video`; after the common compression where the configuration says so.

    Raises:
        BadClip, UserError: see `score_video`.
    """
    from swaptalk_models.evaluation.measure.encoding import ENCODING, encoded_files
    from swaptalk_models.evaluation.measure.judging import load_judges
    from swaptalk_models.metrics.evaluate import evaluate_video

    judges = load_judges(sync_judge, config, FacesConfig())
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
        if config.reencode:
            video = encoded_files(video, Path(folder))
        files = (video.generated, video.target, video.source, video.audio, video.gallery)
        result = evaluate_video(*files, judges, config, video.further)
    return result | {"details": result["details"] | ({"encoding": ENCODING} if config.reencode else {})}


def _shared_out(videos: Sequence[VideoFiles], workers: int) -> list[list[int]]:
    """Numbers of the videos, in groups with one target: a worker remembers its face. Groups too large for one worker are divided."""
    groups: dict[Path, list[int]] = {}
    for number, video in enumerate(videos):
        groups.setdefault(video.target or video.generated, []).append(number)
    most = -(-len(videos) // workers)
    return [numbers[start : start + most] for numbers in groups.values() for start in range(0, len(numbers), most)]


def _score_some(
    videos: list[tuple[int, VideoFiles]],
    sync_judge: Path | None,
    faces: FacesConfig,
    config: EvaluationConfig,
    features: Path,
    encodings: Path | None,
) -> list[VideoScores]:
    judges = _judges(sync_judge, faces, config)
    return [_stored(_score(video, judges, config, encodings), features / f"{number:06d}") for number, video in videos]


def _stored(score: VideoScores, path: Path) -> VideoScores:
    """The scores with their statistics in files."""
    ours, theirs = score.features, score.target_features
    return replace(
        score,
        features=ours.load().store(path.with_suffix(".npy")) if ours else None,
        target_features=theirs.load().store(path.with_suffix(".target.npy")) if theirs else None,
    )


def _score(video: VideoFiles, judges: Judges, config: EvaluationConfig, encodings: Path | None) -> VideoScores:
    from swaptalk_models.data.media.video import probe
    from swaptalk_models.evaluation.measure.encoding import encoded_files
    from swaptalk_models.metrics.evaluate import VideoScores, score_video
    from swaptalk_models.metrics.table import METRICS

    try:
        if encodings is not None:
            video = encoded_files(video, encodings)
        files = (video.generated, video.target, video.source, video.audio, video.gallery)
        return score_video(*files, judges, config, video.setting, video.further)
    except BadClip as error:
        reason = str(error)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever surprises us in one video stops no other)
        said = " ".join(str(error).split())[:300]
        reason = f"{video.generated}: cannot be measured ({type(error).__name__}: {said})"
    frames = 0
    with suppress(Exception):
        frames = probe(video.generated).frames
    excluded = {"no face in the video" if "no face" in reason else "video cannot be read": frames}
    details: dict[str, object] = {"not measured": reason, "setting": video.setting}
    return VideoScores(0, excluded, dict.fromkeys(METRICS), judges.names(), details)


@lru_cache(maxsize=1)
def _judges(sync_judge: Path | None, faces: FacesConfig, config: EvaluationConfig) -> Judges:
    """Once a worker."""
    import cv2
    import torch

    from swaptalk_models.evaluation.measure.judging import load_judges

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    return load_judges(sync_judge, config, faces)
