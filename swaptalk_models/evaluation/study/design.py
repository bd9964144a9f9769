"""Who is held against whom, on which scene, on which side: a seeded design in which all of it is balanced.

Every pair of contestants is shown as often as every other, as far as their number allows, and scenes take turns; each contestant stands on the left
as often as on the right. Whoever judges sees all of it in an order of his own, and every other judge sees it mirrored (reporting/study.js).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.entries import Entry


@dataclass(frozen=True)
class Duel:
    """Two videos of one scene, side by side."""

    left: Entry
    right: Entry


def draw_duels(entries: Sequence[Entry], count: int, seed: int) -> list[Duel]:
    """``count`` duels, or all that there are.

    Raises:
        UserError: no scene has videos of two contestants.
    """
    of_scene: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        of_scene[entry.scene][entry.contestant] = entry
    left_to_draw = [(scene, *pair) for scene, there in of_scene.items() for pair in combinations(sorted(there), 2)]
    if not left_to_draw:
        raise UserError("no scene has videos of two of them: there is nothing to hold against each other")
    rng = np.random.default_rng(seed)
    left_to_draw = [left_to_draw[number] for number in rng.permutation(len(left_to_draw))]
    pairs: Counter[tuple[str, str]] = Counter()
    scenes: Counter[str] = Counter()
    lean: Counter[str] = Counter()  # times on the left, less times on the right
    duels: list[Duel] = []
    while left_to_draw and len(duels) < count:
        scene, one, other = min(left_to_draw, key=lambda key: (pairs[key[1:]], scenes[key[0]]))
        left_to_draw.remove((scene, one, other))
        pairs[one, other] += 1
        scenes[scene] += 1
        if lean[one] > lean[other] or (lean[one] == lean[other] and rng.random() < 0.5):
            left, right = other, one
        else:
            left, right = one, other
        lean[left] += 1
        lean[right] -= 1
        duels.append(Duel(of_scene[scene][left], of_scene[scene][right]))
    return [duels[number] for number in rng.permutation(len(duels))]


def check_sides(count: int, seed: int) -> list[bool]:
    """Of each attention check, whether the right answer is on the left: half of them, in a drawn order."""
    rng = np.random.default_rng([seed, count])
    sides = np.arange(count) % 2 == int(rng.integers(2))
    return [bool(side) for side in rng.permutation(sides)]
