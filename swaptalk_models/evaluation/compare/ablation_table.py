"""The table of an ablation study: paired differences over seeds, with their spread, beside what the paper says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.evaluation.files import ABLATIONS_FILE, ABLATIONS_PAGE
from swaptalk_models.graph.models import MODELS
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.settings.ablations import ABLATIONS

VIDEO = "video"
"""Where a figure was measured that is no model's own: on the finished test videos."""
Figures = Mapping[str, float]
"""{"vqgan psnr_db": 24.1, "video lse_c": 5.0, ...} of one run."""


@dataclass(frozen=True)
class Difference:
    """One figure of one ablation, over all seeds that have it."""

    ablation: str
    figure: str
    whole: float
    """Mean of the whole system."""
    without: float
    """Mean of the ablated one."""
    delta: float
    """Mean over seeds of without - whole, of the same seed."""
    spread: float
    """Standard deviation of these differences over seeds; nan for a single seed."""
    seeds: int
    expected: str
    """"worse" where the paper's part should help, else nothing."""
    verdict: str
    """agrees, disagrees, or undecided: the mean is within the spread; nothing where nothing is expected."""


def differences(runs: Mapping[str, Sequence[Figures | None]], whole: Sequence[Figures | None]) -> list[Difference]:
    """Every figure that the paper has an opinion on, and those of the ablated module.

    Args:
        runs: {word: figures a seed}; None where a run failed.
        whole: the whole system's, of the same seeds in the same order.
    """
    found = []
    for word, ablated in runs.items():
        pairs = [(with_, without) for with_, without in zip(whole, ablated, strict=True) if with_ and without]
        shared = [set(with_) & set(without) for with_, without in pairs]
        names = sorted(set.intersection(*shared)) if shared else []
        found += [_difference(word, name, [(w[name], a[name]) for w, a in pairs]) for name in names]
    return found


def _difference(word: str, figure: str, pairs: list[tuple[float, float]]) -> Difference:
    values = np.array(pairs, np.float64)
    deltas = values[:, 1] - values[:, 0]
    delta, spread = float(deltas.mean()), float(deltas.std(ddof=1)) if len(deltas) > 1 else math.nan
    whole, without = (float(mean) for mean in values.mean(0))
    expected = figure in ABLATIONS[word].hurts
    verdict = ""
    if expected:
        decided = abs(delta) > spread  # never with a single seed
        verdict = ("agrees" if _worse(figure, without, whole) else "disagrees") if decided else "undecided"
    return Difference(word, figure, whole, without, delta, spread, len(pairs), "worse" if expected else "", verdict)


def _worse(figure: str, without: float, whole: float) -> bool:
    """Whether the figure is worse without; ``figure``: "video METRIC" or "MODEL FIGURE"."""
    where, name = figure.split()
    if where == VIDEO:
        return BY_KEY[name].gain(without, whole) < 0
    return without > whole if MODELS[where].figures[name].less_is_better else without < whole


def write_table(found: Sequence[Difference], folder: Path, notes: Sequence[str]) -> Path:
    """A table with every figure, and a page with those that the paper has an opinion on. Returns the page's path."""
    with atomic_write(folder / ABLATIONS_FILE) as aside:
        pq.write_table(pa.Table.from_pylist([asdict(one) for one in found]), aside)
    with atomic_write(folder / ABLATIONS_PAGE) as aside:
        aside.write_text(markdown(found, notes))
    return folder / ABLATIONS_PAGE


def markdown(found: Sequence[Difference], notes: Sequence[str]) -> str:
    """The table for docs/, with the words' meanings and the notes below it."""
    lines = ["| without | figure | whole | without | difference | the paper | |", "|---|---|--:|--:|--:|---|---|"]
    for one in found:
        if not one.expected:
            continue
        spread = "" if math.isnan(one.spread) else f" ± {one.spread:.3g}"
        says = "worse" if ABLATIONS[one.ablation].stated else "worse (implied)"
        lines.append(
            f"| {one.ablation} | {one.figure} | {one.whole:.4g} | {one.without:.4g} | {one.delta:+.3g}{spread} | {says} | {one.verdict} |"
        )
    lines += ["", *[f"- `{word}`: {ABLATIONS[word].meaning}" for word in dict.fromkeys(one.ablation for one in found)]]
    return "\n".join([*lines, "", *notes, ""])
