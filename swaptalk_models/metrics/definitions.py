"""What each metric is, in one table: unit, range, which way is better, which judge. The formulas are in each metric's file."""

from __future__ import annotations

from dataclasses import dataclass

UP, DOWN, ZERO, ONE = "up", "down", "zero", "one"


@dataclass(frozen=True)
class Metric:
    """One column of a results table."""

    key: str
    unit: str
    low: float
    """Least possible value."""
    high: float
    """Largest possible value."""
    better: str
    """UP, DOWN, ZERO (the nearer to 0 the better), or ONE (the nearer to 1)."""
    judge: str | None
    """Key of the judge behind it; None: arithmetic on pixels."""
    file: str
    """Module of swaptalk_models/metrics that defines it."""

    def gain(self, new: float, old: float) -> float:
        """By how much `new` is better than `old`, in the metric's unit; negative: worse."""
        return self.goodness(new) - self.goodness(old)

    def goodness(self, value: float) -> float:
        """The value, turned so that more is better; in the metric's unit."""
        return {UP: value, DOWN: -value, ZERO: -abs(value), ONE: -abs(value - 1)}[self.better]


_INF = float("inf")
_ALL = (
    Metric("fid", "squared feature units", 0, _INF, DOWN, "fid", "fid"),
    Metric("ssim", "", -1, 1, UP, None, "ssim"),
    Metric("psnr", "dB", 0, 100, UP, None, "psnr"),
    Metric("cpbd", "", 0, 1, UP, None, "cpbd"),
    Metric("lmd", "px of 256", 0, _INF, DOWN, "landmarks", "lmd"),
    Metric("lse_c", "embedding distance", 0, _INF, UP, "sync", "sync"),
    Metric("lse_d", "embedding distance", 0, _INF, DOWN, "sync", "sync"),
    Metric("av_offset", "frames of 40 ms", -_INF, _INF, ZERO, "sync", "sync"),
    Metric("id_similarity", "cosine", -1, 1, UP, "identity", "id_similarity"),
    Metric("id_retrieve", "%", 0, 100, UP, "identity", "id_retrieve"),
    Metric("consistency", "100 x cosine", -100, 100, UP, "identity", "consistency"),
)
_FURTHER = (
    Metric("ssim_mouth", "", -1, 1, UP, None, "ssim"),
    Metric("mouth_correlation", "", -1, 1, UP, "landmarks", "mouth"),
    Metric("target_similarity", "cosine", -1, 1, DOWN, "identity", "id_similarity"),
    Metric("mean_to_source", "100 x cosine", -100, 100, UP, "identity", "consistency"),
    Metric("frame_to_frame", "100 x cosine", -100, 100, UP, "identity", "consistency"),
    Metric("tiles", "ratio", 0, _INF, DOWN, None, "tiles"),
    Metric("blotches", "levels of 255", 0, 255, DOWN, None, "blotches"),
    Metric("sharpness", "ratio", 0, _INF, ONE, None, "sharpness"),
    Metric("sharpness_mouth", "ratio", 0, _INF, ONE, None, "sharpness"),
    Metric("added_noise", "levels of 255", -255, 255, ZERO, None, "noise"),
    Metric("clipped", "% of the face", -100, 100, DOWN, None, "clipping"),
    Metric("coloured", "% of the face", -100, 100, DOWN, None, "clipping"),
    Metric("silent_opening_ratio", "ratio", 0, _INF, DOWN, "landmarks", "lip_motion"),
    Metric("opening_range", "ratio", 0, _INF, ONE, "landmarks", "lip_motion"),
)
METRICS = tuple(metric.key for metric in _ALL)
"""The contract's, in its order: keys of the `metrics` of a result."""
FURTHER = tuple(metric.key for metric in _FURTHER)
"""Figures beside them, kept in a result's `details`; columns of the tables too."""
DEFINITIONS = {metric.key: metric for metric in (*_ALL, *_FURTHER)}
