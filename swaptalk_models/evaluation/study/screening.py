"""Whose votes count: raters who answer the attention checks, and not always the same side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from scipy.special import bdtrc

from swaptalk_models.evaluation.study.record import Study
from swaptalk_models.evaluation.study.votes import LEFT, RIGHT, Vote

RIGHT_ANSWERS = 0.8
"""Share of the checks that a rater has to get right: one slip of five or six is human."""
ONE_SIDE = 0.001
"""A rater who would choose one side so often by chance with less than this probability did not look."""


def screen(votes: Sequence[Vote], study: Study) -> dict[str, str]:
    """{rater: why the votes are left out} of those whose are."""
    answers = {item.id: item.answer for item in study.items if item.answer}
    by_rater: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_rater[vote.rater].append(vote)
    reasons = {}
    for rater, own in by_rater.items():
        checks = [vote.chosen == answers[vote.item] for vote in own if vote.item in answers]
        if answers and not checks:
            reasons[rater] = "no attention check was reached"
        elif answers and sum(checks) < RIGHT_ANSWERS * len(checks):
            reasons[rater] = f"{sum(checks)} of {len(checks)} attention checks right"
        elif (share := _one_side(own)) is not None:
            reasons[rater] = share
    return reasons


def _one_side(votes: Sequence[Vote]) -> str | None:
    """Says so where a rater chose one side nearly always: the pairs are balanced, so that nobody who looks does."""
    sides = [vote.side for vote in votes if vote.side in (LEFT, RIGHT)]
    most = max(sides.count(LEFT), sides.count(RIGHT), 1)
    by_chance = 2 * float(bdtrc(most - 1, len(sides), 0.5)) if sides else 1.0
    if by_chance >= ONE_SIDE:
        return None
    return f"{most} of {len(sides)} choices were the {LEFT if sides.count(LEFT) == most else RIGHT} one"
