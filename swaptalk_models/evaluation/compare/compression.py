"""The compression study, after the paper's Figure 5: the same scene and the same figures at several compressions of the VQGAN.

A point of the study is an ordinary evaluation of models trained at one compression, in one home or in several:

    swaptalk run --home HOME --preset nano --ablate f16 --until metrics
    python docs/scripts/compression.py HOME OUTPUT.png
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.variants import Evaluation
from swaptalk_models.metrics.confidence import Interval, bootstrap_mean
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.settings.methods import OURS, SELF

# Title by figure; the first is of the VQGAN itself.
_FIGURES = {"psnr_db": "VQGAN, held-out PSNR (dB) ↑"} | {
    key: f"{BY_KEY[key].label} {BY_KEY[key].arrow}" for key in ("ssim_mouth", "cpbd", "lmd", "lse_c", "consistency")
}
_STRIP, _SIDE = 6, 128  # consecutive frames, px


def compression_of(evaluation: Evaluation) -> int:
    """Pixels a latent cell, along each side."""
    return int(evaluation.configs["vqgan"]["factor"])


def draw_compression(evaluations: Sequence[Evaluation], output: Path) -> Path:
    """One PNG: consecutive frames of a self-driven scene at each compression, and figures with 95 % intervals over our videos.

    Raises:
        UserError: fewer than two compressions among the evaluations, or one of them twice.
    """
    points = sorted(evaluations, key=compression_of)
    factors = [compression_of(point) for point in points]
    if len(factors) < 2 or len(set(factors)) < len(factors):
        found = ", ".join(f"f{factor}" for factor in factors) or "none"
        raise UserError(
            f"a compression study needs evaluations at two or more compressions, each once: there are {found}"
        )
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(11, 1.6 * len(points) + 4.2), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.6 * len(points), 4.2])[:, 0]
    strips = above.subplots(len(points), 1, squeeze=False)[:, 0]
    for axis, factor, strip in zip(strips, factors, _strips(points), strict=True):
        axis.imshow(strip)
        axis.set_ylabel(f"f{factor}", fontsize=11)
        axis.set_xticks([])
        axis.set_yticks([])
    for axis, (name, title) in zip(below.subplots(2, 3).flat, _FIGURES.items(), strict=True):
        for x, point in enumerate(points):
            cell = figure_of(point, name)
            if cell.value is None:
                continue
            axis.plot([x], [cell.value], "o", color="C0")
            if cell.low is not None:
                axis.plot([x, x], [cell.low, cell.high], "-", color="C0", linewidth=1.5)
        axis.set_xticks(range(len(points)), [f"f{factor}" for factor in factors])
        axis.set_xlim(-0.5, len(points) - 0.5)
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(axis="y", alpha=0.3)
    with atomic_write(output) as aside:
        figure.savefig(aside, format="png", dpi=110)
    plt.close(figure)
    return output


def figure_of(evaluation: Evaluation, name: str) -> Interval:
    """A figure of the study: of the VQGAN's own training, else the mean over our videos."""
    trained = evaluation.results["vqgan"]["metrics"]
    if name in trained:
        return Interval(trained[name], None, None, 0)
    return bootstrap_mean([row.get(name) for row in evaluation.rows if row["method"] == OURS])


def _strips(points: Sequence[Evaluation]) -> list[np.ndarray]:
    """The same frames of the first self-driven scene that all have, (side, n * side, 3) each; from the middle on."""
    videos = [
        {
            row["scene"]: point.folder / row["path"]
            for row in point.rows
            if row["method"] == OURS and row["setting"] == SELF
        }
        for point in points
    ]
    scenes = set(videos[0]).intersection(*videos[1:])
    if not scenes:
        raise UserError(
            "a compression study needs a self-driven scene that all its evaluations have: same data, pairs and seed"
        )
    paths = [of_point[min(scenes)] for of_point in videos]
    first = max(0, min(probe(path).frames for path in paths) // 2 - _STRIP // 2)
    return [_strip(path, first) for path in paths]


def _strip(path: Path, first: int) -> np.ndarray:
    frames = islice(chain.from_iterable(read_frames(path)), first, first + _STRIP)
    return np.concatenate([_square(frame) for frame in frames], axis=1)


def _square(frame: np.ndarray) -> np.ndarray:
    """The middle of a frame, (_SIDE, _SIDE, 3)."""
    side = min(frame.shape[:2])
    top, left = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
    return cv2.resize(frame[top : top + side, left : left + side], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
