"""Strengths from duels: the Bradley-Terry model, with intervals over raters.

Model      A is preferred to B with probability 1 / (1 + exp(s_B - s_A)); "no difference" counts half for each.
Source     Bradley and Terry, Biometrika 1952; fitted by the MM algorithm of Hunter, "MM algorithms for generalized
           Bradley-Terry models", The Annals of Statistics 2004.
Prior      each contestant has a draw with one of average strength, so that who won every duel, or none, has a finite strength.
Intervals  bootstrap over raters, who judge many pairs each: their votes are not independent, they are.
Units      s in natural log-odds, their mean 0: one apart is preferred in 73 of 100 duels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from swaptalk_models.evaluation.study.record import Study
from swaptalk_models.evaluation.study.votes import Vote
from swaptalk_models.metrics.confidence import Interval, percentile_interval

_STEPS = 500
_ENOUGH = 1e-6  # change of a strength in a step


@dataclass(frozen=True)
class Standing:
    """What the duels say of one contestant."""

    contestant: str
    score: Interval
    """Log-odds; `videos` is the number of raters."""
    preferred: float | None
    """Share of its duels that it won, ties as half; None: it had none."""
    duels: int


def standings(
    votes: Sequence[Vote], study: Study, confidence: float = 0.95, samples: int = 1000, seed: int = 0
) -> list[Standing]:
    """The strongest first. ``votes``: of those who pass; attention checks are no duels."""
    names = study.contestants
    raters = list(dict.fromkeys(vote.rater for vote in votes))
    wins_RCC = np.zeros((len(raters), len(names), len(names)))
    items = {item.id: item for item in study.items if not item.answer}
    for vote in votes:
        item = items.get(vote.item)
        if item is None:
            continue
        one, other = (names.index(study.videos[video].contestant) for video in (item.left, item.right))
        share = 0.5 if not vote.chosen else float(vote.chosen == item.left)
        wins_RCC[raters.index(vote.rater), one, other] += share
        wins_RCC[raters.index(vote.rater), other, one] += 1 - share
    wins_CC = wins_RCC.sum(0)
    value_C = strengths(wins_CC[None])[0]
    low_C: list[float | None] = [None] * len(names)
    high_C: list[float | None] = [None] * len(names)
    if len(raters) > 1:
        picks = np.random.default_rng(seed).multinomial(len(raters), np.full(len(raters), 1 / len(raters)), samples)
        draws_SC = strengths(np.einsum("sr,rij->sij", picks, wins_RCC))
        for number, draws in enumerate(draws_SC.T):
            low_C[number], high_C[number] = percentile_interval(draws, confidence, len(raters))
    played = wins_CC.sum(1) + wins_CC.sum(0)
    found = [
        Standing(
            name,
            Interval(float(value_C[n]), low_C[n], high_C[n], len(raters)),
            float(wins_CC[n].sum() / played[n]) if played[n] else None,
            round(float(played[n])),
        )
        for n, name in enumerate(names)
    ]
    return sorted(found, key=lambda standing: -(standing.score.value or 0.0))


def strengths(wins_SCC: np.ndarray) -> np.ndarray:
    """(S, C) log-odds, mean 0, from S tables of wins: how often the row was preferred to the column."""
    games = wins_SCC + wins_SCC.transpose(0, 2, 1)
    won = wins_SCC.sum(2) + 0.5
    strength = np.ones(won.shape)
    for _ in range(_STEPS):
        met = games / (strength[:, :, None] + strength[:, None, :])
        after = won / (met.sum(2) + 1 / (strength + 1))
        moved = np.abs(np.log(after / strength)).max()
        strength = after
        if moved < _ENOUGH:
            break
    logs = np.log(strength)
    return logs - logs.mean(1, keepdims=True)
