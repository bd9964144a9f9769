"""How each metric is called, written and explained to a reader."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class MetricText:
    """One column of a table."""

    key: str
    label: str
    better: str
    """"up", "down", "zero" (the nearer to 0 the better), or "one" (the nearer to 1)."""
    digits: int
    judge: str | None
    """Key of the judge behind it; None: arithmetic on pixels."""
    meaning: str

    @property
    def arrow(self) -> str:
        return {"up": "↑", "down": "↓", "zero": "→\u00a00", "one": "→\u00a01"}[self.better]

    def rank(self, value: float) -> float:
        """Smaller is better."""
        return {"up": -value, "down": value, "zero": abs(value), "one": abs(value - 1)}[self.better]

    def write(self, value: float | None) -> str:
        """The number as the page shows it."""
        return "–" if value is None else f"{value:.{self.digits}f}".replace("-", "−")


COLUMNS = (
    MetricText(
        "fid", "FID", "down", 2, "fid",
        "How far the look of generated frames is from that of real ones: Fréchet distance of features, pooled "
        "over all frames. Only with Inception features is it an FID in the paper's sense.",
    ),
    MetricText(
        "ssim", "SSIM", "up", 3, None,
        "Structural similarity to the target frame, on the aligned face crop; 1 is identical.",
    ),
    MetricText(
        "psnr", "PSNR", "up", 1, None,
        "Pixel error against the target frame on the face crop, in dB.",
    ),
    MetricText(
        "cpbd", "CPBD", "up", 3, None,
        "Sharpness without a reference: share of edges that look sharp, 0 to 1. Noise counts as sharp.",
    ),
    MetricText(
        "lmd", "LMD", "down", 2, "landmarks",
        "Mean distance of the 20 mouth landmarks to the target's, px in a 256 px crop. Self-driven only.",
    ),
    MetricText(
        "mouth_correlation", "Mouth corr.", "up", 3, "landmarks",
        "Correlation of the mouth's opening over time with the target's. Self-driven only; a copied reference has none.",
    ),
    MetricText(
        "lse_c", "LSE-C", "up", 2, "sync",
        "How surely the sync judge places the sound: median less minimum of its distances.",
    ),
    MetricText(
        "lse_d", "LSE-D", "down", 2, "sync",
        "The sync judge's distance of lips and sound at the best offset.",
    ),
    MetricText(
        "av_offset", "AV offset", "zero", 1, "sync",
        "Where lips and sound fit best, in frames of 40 ms; positive: the sound comes too early. LSE forgives an "
        "offset, this shows it.",
    ),
    MetricText(
        "id_similarity", "ID sim.", "up", 3, "identity",
        "Cosine of the frames' identity to the source picture, −1 to 1.",
    ),
    MetricText(
        "id_retrieve", "ID retrieve", "up", 1, "identity",
        "Frames whose nearest picture in a gallery of all sources is the right one, in percent.",
    ),
    MetricText(
        "consistency", "Consist.", "up", 1, "identity",
        "100 × mean cosine of the identities of all pairs of frames of one video: 100 is a steady face.",
    ),
    MetricText(
        "tiles", "Tiles", "down", 2, None,
        "Step in brightness across the borders of a grid of cells over the step inside, over the target's own: 1 is none, "
        "up to 1.05 may be chance.",
    ),
    MetricText(
        "blotches", "Blotches", "down", 1, None,
        "Patches of wrong light or colour on the skin, larger than a cell, smaller than the face: levels of 255. Another "
        "person's cheekbones count too: compare methods, not with 0.",
    ),
    MetricText(
        "sharpness", "Sharpness", "one", 2, None,
        "Detail of brows, eyes, nose and lips over the target's, grain left out: 1 is as sharp.",
    ),
    MetricText(
        "sharpness_mouth", "Sharp mouth", "one", 2, None,
        "The same of the mouth alone.",
    ),
    MetricText(
        "added_noise", "Noise", "zero", 1, None,
        "Grain of the skin less the target's, standard deviation in levels of 255.",
    ),
    MetricText(
        "clipped", "Glints", "down", 2, None,
        "Pixels of the face at 0 or 255, in percent, less the target's own.",
    ),
    MetricText(
        "coloured", "Coloured", "down", 2, None,
        "Pixels of skin in a colour that this skin does not have, in percent, less the target's own.",
    ),
    MetricText(
        "silent_opening_ratio", "Silent mouth", "down", 2, "landmarks",
        "Mouth opening while the sound is silent over that in speech: closed lips are near 0, 1 knows no silence. Read it beside "
        "the ground truth.",
    ),
    MetricText(
        "opening_range", "Mouth range", "one", 2, "landmarks",
        "How far the mouth opens and closes in speech, over the real one. Self-driven only.",
    ),
)  # fmt: skip
BY_KEY = {column.key: column for column in COLUMNS}
AGAINST_TARGET = frozenset({"fid", "ssim", "psnr", "lmd", "mouth_correlation"})
"""Metrics that are trivial for the ground truth: it would be compared with itself."""


def shown_columns(known: Collection[str], fid_judge: str | None) -> list[MetricText]:
    """Columns of the metrics that have any value. What is no FID is not called one: the paper's name is for Inception's published features only."""
    inception = (fid_judge or "").lower().startswith("inception")
    return [
        replace(column, label="Fréchet") if column.key == "fid" and not inception else column
        for column in COLUMNS
        if column.key in known
    ]
