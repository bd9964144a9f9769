"""How far raters agree: Krippendorff's alpha for nominal values.

Definition 1 - observed / expected disagreement: 1 is agreement in all, 0 what chance gives, below 0 is contradiction. Raters may
           have judged different pairs.
Source     Krippendorff, "Computing Krippendorff's alpha-reliability", 2011: sections on nominal data with missing values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from swaptalk_models.evaluation.study.record import Study
from swaptalk_models.evaluation.study.votes import Vote


def agreement(votes: Sequence[Vote], study: Study) -> float | None:
    """Alpha over the pairs that are no checks. What is agreed on is which of the design's two sides is better, or neither."""
    items = {item.id: item for item in study.items if not item.answer}
    units: dict[str, list[str]] = {name: [] for name in items}
    for vote in votes:
        item = items.get(vote.item)
        if item is not None:
            units[item.id].append("same" if not vote.chosen else "first" if vote.chosen == item.left else "second")
    return krippendorff_alpha(units)


def krippendorff_alpha(units: Mapping[str, Sequence[str]]) -> float | None:
    """Alpha of nominal values, a list a unit. None where no unit has two values, or all values are one and the same."""
    agreed, apart = 0.0, 0.0
    totals: Counter[str] = Counter()
    for values in units.values():
        if len(values) < 2:
            continue
        counts = Counter(values)
        totals += counts
        same = sum(count * (count - 1) for count in counts.values()) / (len(values) - 1)
        agreed, apart = agreed + same, apart + len(values) - same
    number = sum(totals.values())
    expected = number**2 - sum(count**2 for count in totals.values())
    if not expected:
        return None
    return 1 - (number - 1) * apart / expected
