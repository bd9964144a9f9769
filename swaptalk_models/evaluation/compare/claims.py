"""What the paper claims, as comparisons of two methods by one figure, and what we measured: paired differences over videos.

A comparison pairs the videos of one scene (same source, target and sound), so that what is hard about a scene falls away. The interval is a
bootstrap over the differences. A claim is agreed with, or not, only where the whole interval lies on one side of zero and at least
LEAST_VIDEOS pairs stand behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swaptalk_models.evaluation.compare.paper import PAPER_ROWS
from swaptalk_models.evaluation.compare.variants import VARIANTS
from swaptalk_models.evaluation.compare.verdicts import (
    AGREE,
    DISAGREE,
    LEAST_VIDEOS,
    NOT_MEASURED,
    UNDECIDED,
    Claim,
    ClaimRow,
)
from swaptalk_models.metrics.confidence import Interval, bootstrap_mean
from swaptalk_models.metrics.power import videos_needed
from swaptalk_models.metrics.table import BY_KEY, DOWN, UP, Metric
from swaptalk_models.settings.ablations import COMPRESSIONS
from swaptalk_models.settings.evaluation import EvaluationConfig
from swaptalk_models.settings.methods import CASCADES, CROSS, OURS, SELF

_PAPER = {(setting, method): values for setting, method, values in PAPER_ROWS}


@dataclass(frozen=True)
class Side:
    """Videos of one method."""

    method: str
    setting: str = ""
    """SELF or CROSS; empty: both."""
    variant: str = ""
    """Made by other models: a key of VARIANTS; empty: by the models of this report."""

    @property
    def label(self) -> str:
        words = [self.method, self.variant, f"({self.setting}-driven)" if self.setting else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Comparison:
    """``better`` has the better figure than ``than``, says the paper."""

    metric: str
    better: Side
    than: Side
    rows: tuple[str, str] | None = None
    """Both in the paper's table, where they are not called so there."""


def _by(
    metrics: Sequence[str], better: Side, than: Side, rows: tuple[str, str] | None = None
) -> tuple[Comparison, ...]:
    return tuple(Comparison(metric, better, than, rows) for metric in metrics)


# The claim in words, and the comparisons that it consists of.
CLAIMS: tuple[tuple[str, tuple[Comparison, ...]], ...] = (
    (
        "SwapTalk is better than every cascade of RGB models.",
        sum(
            (_by(("lmd", "lse_c", "id_retrieve", "consistency"), Side(OURS), Side(cascade)) for cascade in CASCADES), ()
        ),
    ),
    (
        "SwapTalk is better than one network that does both at once.",
        _by(("ssim", "cpbd", "lmd", "id_retrieve", "consistency"), Side(OURS), Side("WavSyncSwap")),
    ),
    (
        "Swapping before lip-sync is better for the lips than lip-sync before swapping.",
        _by(("lmd", "lse_c"), Side("Swap-Sync"), Side("Sync-Swap"))
        + _by(("lmd", "lse_c", "mouth_correlation"), Side(OURS), Side("Sync-then-swap, latent")),
    ),
    (
        "Restoring sharpens.",
        _by(("cpbd",), Side("Wav2Lip-Restore"), Side("Wav2Lip"))
        + _by(("cpbd",), Side("Sync-Swap-Restore"), Side("Sync-Swap"))
        + _by(("cpbd",), Side("Swap-Restore-Sync"), Side("Swap-Sync")),
    ),
    (
        "Restoring costs lip sync, identity and consistency.",
        _by(("lse_c",), Side("Wav2Lip"), Side("Wav2Lip-Restore"))
        + _by(("lse_c", "id_retrieve", "consistency"), Side("Sync-Swap"), Side("Sync-Swap-Restore"))
        + _by(("lse_c", "id_retrieve", "consistency"), Side("Swap-Sync"), Side("Swap-Restore-Sync")),
    ),
    (
        "Wav2Lip wins lip sync when self-driven and falls when cross-driven.",
        _by(("lse_c",), Side("Wav2Lip", SELF), Side(OURS, SELF))
        + _by(("lse_c",), Side("Wav2Lip", SELF), Side("Wav2Lip", CROSS))
        + _by(("lse_c",), Side(OURS, CROSS), Side("Wav2Lip", CROSS)),
    ),
    (
        "Extra data help.",
        _by(
            ("ssim", "cpbd", "lmd", "lse_c", "id_retrieve", "consistency"),
            Side(OURS),
            Side(OURS, variant="without extra data"),
            ("SwapTalk (extra data)", "SwapTalk"),
        ),
    ),
    (
        "Identity losses help people whom no training saw.",
        _by(("id_similarity", "id_retrieve"), Side(OURS), Side(OURS, variant="without identity losses")),
    ),
    (
        "The VQ-lip expert helps lip sync.",
        _by(("lse_c", "mouth_correlation"), Side(OURS), Side(OURS, variant="without expert")),
    ),
    (
        "Compressing 16 times is better than 8 times.",
        _by(("lmd", "lse_c", "cpbd", "consistency"), Side(OURS, variant="at f16"), Side(OURS, variant="at f8")),
    ),
)

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Run:
    """How the models of a report were made."""

    command: str
    """`swaptalk run` with its settings, but for ablations."""
    ablate: Sequence[str] = ()
    """Ablations that ours already are."""
    extra: bool = False
    """Whether the home names extra data."""

    def line(self, *more: str, word: str = "") -> str:
        """The command with further arguments, and with one more ablation."""
        # Another compression takes the place of ours.
        kept = [own for own in self.ablate if not (word in COMPRESSIONS and own in COMPRESSIONS)]
        words = [f"--ablate {one}" for one in (*kept, word) if one]
        return " ".join([self.command, *words, *more])


def judge_claims(rows: Rows, variants: Mapping[str, Rows], config: EvaluationConfig, run: Run) -> list[Claim]:
    """Every claim of the paper with what was measured.

    Args:
        rows: the metrics, a row a video, with "scene", "setting", "method" and a column a metric.
        variants: the same of other models, by name (see ``variants.VARIANTS``).
        run: what made the rows; the commands that would measure what is missing begin with it.
    """
    claims = []
    for text, comparisons in CLAIMS:
        judged = [_judge(comparison, rows, variants, config) for comparison in comparisons]
        absent = [side for c in comparisons for side in (c.better, c.than) if not _videos(side, rows, variants)]
        claims.append(Claim(text, judged, _commands(absent, run)))
    return claims


def _judge(comparison: Comparison, rows: Rows, variants: Mapping[str, Rows], config: EvaluationConfig) -> ClaimRow:
    deltas = paired_differences(comparison, rows, variants)
    delta = bootstrap_mean(deltas, config.bootstrap_samples, config.confidence, config.seed)
    verdict = _verdict(delta, BY_KEY[comparison.metric])
    return ClaimRow(
        comparison.metric,
        comparison.better.label,
        comparison.than.label,
        delta,
        verdict,
        _paper_difference(comparison),
        videos_needed(deltas, config.confidence, least=LEAST_VIDEOS),
    )


def paired_differences(comparison: Comparison, rows: Rows, variants: Mapping[str, Rows]) -> list[float]:
    """``better`` less ``than``, a value a pair of videos that both have the figure.

    Videos of one scene are a pair; between the two settings, those of one target: scenes of one number have the same.
    """
    across = comparison.better.setting != comparison.than.setting
    first, second = (
        {
            row["scene"].rpartition("_")[2] if across else row["scene"]: row[comparison.metric]
            for row in _videos(side, rows, variants)
            if row.get(comparison.metric) is not None
        }
        for side in (comparison.better, comparison.than)
    )
    return [first[scene] - second[scene] for scene in first if scene in second]


def _videos(side: Side, rows: Rows, variants: Mapping[str, Rows]) -> list[Mapping[str, Any]]:
    known = variants.get(side.variant, ()) if side.variant else rows
    return [row for row in known if row["method"] == side.method and side.setting in ("", row["setting"])]


def _verdict(delta: Interval, metric: Metric) -> str:
    assert metric.better in (UP, DOWN), f"a difference of {metric.key} says nothing"
    if delta.value is None:
        return NOT_MEASURED
    if delta.low is None or delta.high is None or delta.videos < LEAST_VIDEOS or delta.low <= 0 <= delta.high:
        return UNDECIDED
    return AGREE if (delta.low > 0) == (metric.better == UP) else DISAGREE


def _paper_difference(comparison: Comparison) -> float | None:
    """The paper's own difference; over both settings, the mean of the two. None where its table does not have it."""
    sides = (comparison.better, comparison.than)
    names = comparison.rows or tuple(side.label if side.variant else side.method for side in sides)
    deltas = []
    for setting in (SELF, CROSS):
        named = zip(sides, names, strict=True)
        cells = [_PAPER.get((side.setting or setting, name), {}).get(comparison.metric) for side, name in named]
        better, than = cells
        if better is not None and than is not None:
            deltas.append(better - than)
    return sum(deltas) / len(deltas) if deltas else None


def _commands(absent: Sequence[Side], run: Run) -> list[str]:
    """What to run, so that these are measured. Another set of models is left by the run that follows: ours are cached."""
    commands = [run.line("--set 'evaluation.methods=[all]'")] if any(not side.variant for side in absent) else []
    variants = [VARIANTS[name] for name in dict.fromkeys(side.variant for side in absent if side.variant)]
    for variant in variants:
        named = ["--set 'training_snapshot.extra=[VIDEOS]'"] if variant.without_extra and not run.extra else []
        commands.append(run.line(*named, "--until metrics", word=variant.word))
    return commands + ([run.line()] if variants else [])
