"""Which scenes the report shows with their videos: of each setting our best and our worst."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.stats import rankdata

from swaptalk_models.data.media.video import read_image
from swaptalk_models.evaluation.measure.scene_videos import SceneVideo
from swaptalk_models.reporting.preview import small_video
from swaptalk_models.reporting.report_data import CaseClip, VideoCase
from swaptalk_models.settings.methods import GROUND_TRUTH, METHODS, OURS, OURS_WITH_DETAIL

_SCENES = 4  # a setting
_VIDEOS = 8  # a scene
TARGET_NAME = "Target"
"""Of the real video beside what was made from it."""
_PICTURE = 480  # px
# Shown first where there are more methods than fit.
_PREFERRED = (
    GROUND_TRUTH,
    OURS,
    OURS_WITH_DETAIL,
    "Swap-Sync",
    "Sync-Swap",
    "Swap-Restore-Sync",
    "WavSyncSwap",
    "Wav2Lip",
)
Measured = tuple[SceneVideo, dict[str, Any], dict[str, Any]]
"""A video, its row of the metrics, and its curves."""
_RANKED_BY = ("id_similarity", "lse_c")  # of both, higher is better


def ranked_scenes(rows: list[dict[str, Any]]) -> list[str]:
    """Scenes of one setting, our best first: by the mean of our ranks in identity and lip sync. A figure that is missing ranks last."""
    ours = [row for row in rows if row["method"] == OURS]
    figures = np.array([[-np.inf if row.get(name) is None else row[name] for name in _RANKED_BY] for row in ours])
    ranks = rankdata(-figures, axis=0).mean(axis=1)
    return [ours[index]["scene"] for index in np.argsort(ranks, kind="stable")]


def shown_scenes(ranked: list[str]) -> list[tuple[str, str]]:
    """(scene, "best", "worst" or "") of those that are shown: from both ends in turn, the worst next to the best."""
    ends, shown = deque(ranked), list[str]()
    while ends and len(shown) < _SCENES:
        shown.append(ends.pop() if len(shown) % 2 else ends.popleft())
    return list(zip(shown, ("best", "worst", *[""] * _SCENES) if len(ranked) > 1 else ("",), strict=False))


def video_cases(
    videos: Sequence[SceneVideo], rows: Sequence[dict[str, Any]], scores: Sequence[dict[str, Any]], previews: Path
) -> list[VideoCase]:
    """The cases of a report.

    Args:
        videos, rows, scores: of each test video what it was made from, its metrics and its curves, in one order.
        previews: folder for copies of videos that are too large for a page or have no sound.
    """
    cases = []
    for setting in dict.fromkeys(video["setting"] for video in videos):
        ranked = ranked_scenes([row for row in rows if row["setting"] == setting])
        for scene, rank in shown_scenes(ranked):
            numbers = [number for number, video in enumerate(videos) if video["scene"] == scene]
            place = f"place {ranked.index(scene) + 1} of {len(ranked)}"
            cases.append(_case([(videos[n], rows[n], scores[n]) for n in numbers], rank, place, previews))
    return cases


def _case(measured: Sequence[Measured], rank: str, place: str, previews: Path) -> VideoCase:
    shown = [one for one in measured if len(measured) <= _VIDEOS or one[0]["method"] in _PREFERRED]
    order = [*_PREFERRED, *METHODS]
    clips = [_clip(*one, previews) for one in sorted(shown, key=lambda one: order.index(one[0]["method"]))]
    made = next(video for video, _, _ in measured if video["method"] != GROUND_TRUTH)
    source, target, voice = Path(made["source"]).stem, Path(made["target"]).stem, Path(made["audio"]).stem
    note = f"source {source}, target {target}, voice {voice}; {place}"
    return VideoCase(f"{source} on {target}", clips, made["setting"], _fitted(read_image(made["source"])), note, rank)


def _clip(video: SceneVideo, row: dict[str, Any], score: dict[str, Any], previews: Path) -> CaseClip:
    return CaseClip(
        TARGET_NAME if video["method"] == GROUND_TRUTH else video["method"],
        small_video(Path(video["path"]), Path(video["audio"]), previews),
        {name: value for name, value in row.items() if isinstance(value, float)},
        [tuple(point) for point in score["similarity"]],
        [tuple(point) for point in score["offset_curve"]],
    )


def _fitted(image: np.ndarray) -> np.ndarray:
    scale = _PICTURE / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
