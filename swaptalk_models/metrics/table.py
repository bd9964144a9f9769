"""The metrics, each said once: how it is called, written and explained, which way is better, whose judgement it is.

The keys of a result, the columns of every table, arrows, ranks and verdicts are derived from this table. A new metric is
one entry here and the file that defines it; ``score_video`` puts its value into the result's ``metrics`` (the contract's)
or ``details`` (all others).

Light on purpose: read by the command line before it knows whether anything has to be measured.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import inf

UP, DOWN, ZERO, ONE = "up", "down", "zero", "one"
"""Which way is better: more, less, or the nearer to 0 or to 1."""
_BEST = {ZERO: 0.0, ONE: 1.0}
_ARROWS = {UP: "↑", DOWN: "↓", ZERO: "→\u00a00", ONE: "→\u00a01"}


@dataclass(frozen=True)
class Metric:
    """One column of a table of results."""

    key: str
    label: str
    """As the heading of a column."""
    unit: str
    digits: int
    """Behind the point, where people read it."""
    low: float
    """Least possible value."""
    high: float
    """Largest possible value."""
    better: str
    """UP, DOWN, ZERO or ONE."""
    judge: str | None
    """Key of the judge behind it; None: arithmetic on pixels."""
    file: str
    """Module of swaptalk_models/metrics that defines it."""
    meaning: str
    """For a reader of the report."""
    contract: bool = True
    """Whether it is a key of a result's `metrics`; the others are in its `details`."""
    shown: bool = True
    """Whether the report has a column for it, and a new model is held against the released one by it."""
    against_target: bool = False
    """Whether it compares with the target: trivial for the ground truth, which is the target."""

    @property
    def arrow(self) -> str:
        return _ARROWS[self.better]

    def rank(self, value: float) -> float:
        """A number that is smaller the better the value is, in the metric's unit."""
        if self.better in _BEST:
            return abs(value - _BEST[self.better])
        return value if self.better == DOWN else -value

    def gain(self, new: float, old: float) -> float:
        """By how much `new` is better than `old`, in the metric's unit; negative: worse."""
        return self.rank(old) - self.rank(new)

    def write(self, value: float | None) -> str:
        """The number as people read it; a dash where it is not known."""
        return "–" if value is None else f"{value:.{self.digits}f}".replace("-", "−")


# In the order of the report's columns.
_ALL = (
    Metric(
        "fid", "FID", "squared feature units", 2, 0, inf, DOWN, "fid", "fid",
        "How far the look of generated frames is from that of real ones: Fréchet distance of features, pooled "
        "over all frames. Only with Inception features is it an FID in the paper's sense.",
        against_target=True,
    ),
    Metric(
        "ssim", "SSIM", "", 3, -1, 1, UP, None, "ssim",
        "Structural similarity to the target frame, on the aligned face crop; 1 is identical.",
        against_target=True,
    ),
    Metric(
        "ssim_mouth", "SSIM of the mouth", "", 3, -1, 1, UP, None, "ssim",
        "Structural similarity to the target frame around the mouth.",
        contract=False, shown=False, against_target=True,
    ),
    Metric(
        "psnr", "PSNR", "dB", 1, 0, 100, UP, None, "psnr",
        "Pixel error against the target frame on the face crop, in dB.",
        against_target=True,
    ),
    Metric(
        "cpbd", "CPBD", "", 3, 0, 1, UP, None, "cpbd",
        "Sharpness without a reference: share of edges that look sharp, 0 to 1. Noise counts as sharp.",
    ),
    Metric(
        "lmd", "LMD", "px of 256", 2, 0, inf, DOWN, "landmarks", "lmd",
        "Mean distance of the 20 mouth landmarks to the target's, px in a 256 px crop. Self-driven only.",
        against_target=True,
    ),
    Metric(
        "mouth_correlation", "Mouth corr.", "", 3, -1, 1, UP, "landmarks", "mouth",
        "Correlation of the mouth's opening over time with the target's. Self-driven only; a copied reference has none.",
        contract=False, against_target=True,
    ),
    Metric(
        "lse_c", "LSE-C", "embedding distance", 2, 0, inf, UP, "sync", "sync",
        "How surely the sync judge places the sound: median less minimum of its distances.",
    ),
    Metric(
        "lse_d", "LSE-D", "embedding distance", 2, 0, inf, DOWN, "sync", "sync",
        "The sync judge's distance of lips and sound at the best offset.",
    ),
    Metric(
        "av_offset", "AV offset", "frames of 40 ms", 1, -inf, inf, ZERO, "sync", "sync",
        "Where lips and sound fit best, in frames of 40 ms; positive: the sound comes too early. LSE forgives an "
        "offset, this shows it.",
    ),
    Metric(
        "id_similarity", "ID sim.", "cosine", 3, -1, 1, UP, "identity", "id_similarity",
        "Cosine of the frames' identity to the source picture, −1 to 1.",
    ),
    Metric(
        "target_similarity", "ID sim. to target", "cosine", 3, -1, 1, DOWN, "identity", "id_similarity",
        "Cosine of the frames' identity to the target's person, whom a swap should let vanish, −1 to 1.",
        contract=False, shown=False,
    ),
    Metric(
        "id_retrieve", "ID retrieve", "%", 1, 0, 100, UP, "identity", "id_retrieve",
        "Frames whose nearest picture in a gallery of all sources is the right one, in percent.",
    ),
    Metric(
        "consistency", "Consist.", "100 x cosine", 1, -100, 100, UP, "identity", "consistency",
        "100 × mean cosine of the identities of all pairs of frames of one video: 100 is a steady face.",
    ),
    Metric(
        "mean_to_source", "Mean to source", "100 x cosine", 1, -100, 100, UP, "identity", "consistency",
        "100 × mean cosine of the frames' identity to the source picture.",
        contract=False, shown=False,
    ),
    Metric(
        "frame_to_frame", "Frame to frame", "100 x cosine", 1, -100, 100, UP, "identity", "consistency",
        "100 × mean cosine of the identities of neighbouring frames: what it lacks to 100 is flicker.",
        contract=False, shown=False,
    ),
    Metric(
        "identity_drift", "Drift", "100 x cosine", 1, -inf, inf, ZERO, "identity", "drift",
        "What the likeness to the video's own beginning loses from the beginning to the end, by a line through it.",
        contract=False,
    ),
    Metric(
        "identity_slope", "Drift a minute", "100 x cosine a minute", 2, -inf, inf, ZERO, "identity", "drift",
        "The same a minute, of videos of a minute and more.",
        contract=False,
    ),
    Metric(
        "flicker", "Flicker", "levels of 255", 2, 0, 255, DOWN, None, "flicker",
        "How far the face's brightness is from the mean of the frames before and after. Skin that speaks has some: read it "
        "beside the ground truth.",
        contract=False,
    ),
    Metric(
        "rim_flicker", "Rim flicker", "levels of 255", 2, 0, 255, DOWN, None, "flicker",
        "The same in a band along the face's outline, where what was made meets what was kept.",
        contract=False,
    ),
    Metric(
        "landmark_jitter", "Jitter", "% of the eyes' distance", 2, 0, inf, DOWN, "landmarks", "landmark_jitter",
        "How far points of nose and eyes are from the mean of the frames before and after.",
        contract=False,
    ),
    Metric(
        "second_id_similarity", "ID sim., second judge", "cosine", 3, -1, 1, UP, "second_identity", "second_judges",
        "Cosine of the frames' identity to the source picture by another network; its numbers and the first one's do not compare.",
        contract=False,
    ),
    Metric(
        "second_consistency", "Consist., second judge", "100 x cosine", 1, -100, 100, UP, "second_identity", "second_judges",
        "Consistency by another network.",
        contract=False,
    ),
    Metric(
        "second_mouth_correlation", "Mouth corr., second judge", "", 3, -1, 1, UP, "second_landmarks", "second_judges",
        "Correlation of the mouth's opening with the target's by other landmarks. Self-driven only.",
        contract=False, against_target=True,
    ),
    Metric(
        "second_lmd", "LMD, second judge", "px of 256", 2, 0, inf, DOWN, "second_landmarks", "second_judges",
        "Mean distance of the 20 mouth landmarks to the target's by other landmarks. Self-driven only.",
        contract=False, against_target=True,
    ),
    Metric(
        "tiles", "Tiles", "ratio", 2, 0, inf, DOWN, None, "tiles",
        "Step in brightness across the borders of a grid of cells over the step inside, over the target's own: 1 is none, "
        "up to 1.05 may be chance.",
        contract=False,
    ),
    Metric(
        "blotches", "Blotches", "levels of 255", 1, 0, 255, DOWN, None, "blotches",
        "Patches of wrong light or colour on the skin, larger than a cell, smaller than the face: levels of 255. Another "
        "person's cheekbones count too: compare methods, not with 0.",
        contract=False,
    ),
    Metric(
        "sharpness", "Sharpness", "ratio", 2, 0, inf, ONE, None, "sharpness",
        "Detail of brows, eyes, nose and lips over the target's, grain left out: 1 is as sharp.",
        contract=False,
    ),
    Metric(
        "sharpness_mouth", "Sharp mouth", "ratio", 2, 0, inf, ONE, None, "sharpness",
        "The same of the mouth alone.",
        contract=False,
    ),
    Metric(
        "added_noise", "Noise", "levels of 255", 1, -255, 255, ZERO, None, "noise",
        "Grain of the skin less the target's, standard deviation in levels of 255.",
        contract=False,
    ),
    Metric(
        "clipped", "Glints", "% of the face", 2, -100, 100, DOWN, None, "clipping",
        "Pixels of the face at 0 or 255, in percent, less the target's own.",
        contract=False,
    ),
    Metric(
        "coloured", "Coloured", "% of the face", 2, -100, 100, DOWN, None, "clipping",
        "Pixels of skin in a colour that this skin does not have, in percent, less the target's own.",
        contract=False,
    ),
    Metric(
        "silent_opening_ratio", "Silent mouth", "ratio", 2, 0, inf, DOWN, "landmarks", "lip_motion",
        "Mouth opening while the sound is silent over that in speech: closed lips are near 0, 1 knows no silence. Read it "
        "beside the ground truth.",
        contract=False,
    ),
    Metric(
        "opening_range", "Mouth range", "ratio", 2, 0, inf, ONE, "landmarks", "lip_motion",
        "How far the mouth opens and closes in speech, over the real one. Self-driven only.",
        contract=False,
    ),
    Metric(
        "loudness_gap", "Loudness gap", "", 3, 0, 1, DOWN, "landmarks", "loudness",
        "Mean difference of the mouth's opening and the voice's level over speech, each from 0 to 1. People have 0.2 to 0.4.",
        contract=False, shown=False,
    ),
    Metric(
        "loudness_score", "Loudness", "", 3, -inf, 1, UP, "landmarks", "loudness",
        "How near the agreement of opening and loudness is to that of real lips: 1 - |gap - real gap| / real gap.",
        contract=False, against_target=True,
    ),
    Metric(
        "lip_dynamics", "Lip movement", "10^-4 of the squared eyes' distance", 1, 0, inf, UP, "landmarks", "lip_dynamics",
        "Variance over time of the distances between the mouth's landmarks. Read it beside the ground truth.",
        contract=False, shown=False,
    ),
    Metric(
        "lip_dynamics_score", "Lip dynamics", "", 3, -inf, 1, UP, "landmarks", "lip_dynamics",
        "How near the lips' movement is to that of real ones: 1 - |movement - real| / real.",
        contract=False, against_target=True,
    ),
    Metric(
        "phoneme_error", "Phoneme error", "% of the eyes' distance", 2, 0, inf, DOWN, "landmarks", "phonemes",
        "By how much the mouth is too open or too shut at each kind of speech sound, mean over the kinds. Where the text is known.",
        contract=False, against_target=True,
    ),
    Metric(
        "lip_score", "LipScore", "", 3, -1, 1, UP, "lipreader", "lipreader",
        "Cosine of a lipreader's features of the made and the real lips. Only with the weights of one; self-driven only.",
        contract=False, against_target=True,
    ),
    Metric(
        "open_in_silence", "Open in silence", "%", 1, 0, 100, DOWN, "landmarks", "leak",
        "Frames with an open mouth when silence drives the same target, in percent: a leak of the target's lips. The ground "
        "truth's is that of who copies them all.",
        contract=False,
    ),
    Metric(
        "pause_range", "Range in pauses", "% of the eyes' distance", 2, 0, inf, DOWN, "landmarks", "leak",
        "How far the mouth still opens and closes in pauses of the sound of 300 ms and more.",
        contract=False,
    ),
    Metric(
        "copied_lips", "Copied lips", "", 3, -1, 1, ZERO, "landmarks", "leak",
        "Correlation of the mouth's opening with the target's own, under another's sound: 1 copies it. Cross-driven only.",
        contract=False,
    ),
    Metric(
        "lse_c_fall", "LSE-C fall", "embedding distance", 2, -inf, inf, DOWN, "sync", "leak",
        "LSE-C driven by the target's own sound less that under another's: copied lips fit the one and not the other.",
        contract=False,
    ),
)  # fmt: skip

BY_KEY: dict[str, Metric] = {metric.key: metric for metric in _ALL}
METRICS = tuple(metric.key for metric in _ALL if metric.contract)
"""The contract's, in its order: keys of the `metrics` of a result."""
FURTHER = tuple(metric.key for metric in _ALL if not metric.contract)
"""Figures beside them, kept in a result's `details`; columns of the tables too."""
COLUMNS = tuple(metric for metric in _ALL if metric.shown)
"""Of the report."""
AGAINST_TARGET = frozenset(metric.key for metric in _ALL if metric.against_target)
"""Trivial for the ground truth: it would be compared with itself."""


def shown_columns(known: Collection[str], fid_judge: str | None) -> list[Metric]:
    """Columns of the metrics that have any value. What is no FID is not called one: the paper's name is for Inception's
    published features only.
    """
    inception = (fid_judge or "").lower().startswith("inception")
    return [
        replace(column, label="Fréchet") if column.key == "fid" and not inception else column
        for column in COLUMNS
        if column.key in known
    ]
