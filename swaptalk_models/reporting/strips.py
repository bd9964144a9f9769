"""Small pictures of what came out: source, target and result of a test video, side by side."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq

from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.data.media.video import read_image
from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.files import METRICS_FILE
from swaptalk_models.evaluation.measure.scene_metrics import metrics_folder
from swaptalk_models.evaluation.measure.scene_videos import SceneVideo, evaluation_folder, load_videos
from swaptalk_models.settings.methods import OURS
from swaptalk_models.settings.preset import Preset

SIDE = 112  # px


def best_and_worst(home: Home, preset: Preset) -> dict[str, np.ndarray]:
    """{"best identity": ..., "worst identity": ...}: strips uint8 RGB (112, W, 3) of our own videos; fewer when fewer were measured."""
    rows = pq.read_table(metrics_folder(home, preset) / METRICS_FILE).to_pylist()
    videos = load_videos(evaluation_folder(home, preset))
    ours = [(row["id_similarity"], video) for row, video in zip(rows, videos, strict=True) if row["method"] == OURS]
    known = sorted((pair for pair in ours if pair[0] is not None), key=lambda pair: pair[0])
    if not known:
        return {}
    chosen = {"best identity": known[-1], "worst identity": known[0]} if len(known) > 1 else {"best identity": known[0]}
    return {f"{name} ({similarity:.2f})": strip(video) for name, (similarity, video) in chosen.items()}


def strip(video: SceneVideo) -> np.ndarray:
    """Source, then target and result at a third and at two thirds of the video."""
    cells = [_square(read_image(video["source"]))]
    beside = Path(video["target"]), Path(video["path"])
    count = min(length_at_25(path) for path in beside)
    for number in (count // 3, 2 * count // 3):
        cells += [_square(_frame(path, number)) for path in beside]
    return np.concatenate(cells, axis=1)


def _frame(video: Path, number: int) -> np.ndarray:
    for batch in frames_at_25(video):
        if number < len(batch):
            return batch[number]
        number -= len(batch)
    return batch[-1]


def _square(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return cv2.resize(image[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
