"""evaluation/study/design.py: who meets whom"""

from collections import Counter

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.design import check_sides, draw_duels
from swaptalk_models.evaluation.study.entries import Entry


def entries(contestants="ABCDE", scenes=8) -> list[Entry]:
    return [Entry(name, f"self {scene}", {}, {}) for name in contestants for scene in range(scenes)]


@pytest.mark.parametrize("count", [20, 30, 47])
def test_pairs_scenes_and_sides_are_balanced(count):
    duels = draw_duels(entries(), count, seed=3)
    assert len(duels) == count
    assert all(duel.left.scene == duel.right.scene and duel.left.contestant != duel.right.contestant for duel in duels)
    pairs = Counter(frozenset((duel.left.contestant, duel.right.contestant)) for duel in duels)
    scenes = Counter(duel.left.scene for duel in duels)
    assert len(pairs) == 10 and max(pairs.values()) - min(pairs.values()) <= 1
    assert len(scenes) == 8 and max(scenes.values()) - min(scenes.values()) <= 2
    left, right = (Counter(getattr(duel, side).contestant for duel in duels) for side in ("left", "right"))
    assert all(abs(left[name] - right[name]) <= 2 for name in "ABCDE")
    shown = Counter((duel.left.scene, frozenset((duel.left.contestant, duel.right.contestant))) for duel in duels)
    assert max(shown.values()) == 1, "nobody is asked twice"


def test_a_design_is_its_seeds():
    assert draw_duels(entries(), 20, 0) == draw_duels(entries(), 20, 0) != draw_duels(entries(), 20, 1)


def test_only_what_shares_a_scene_meets():
    two = [Entry("A", "self 1", {}, {}), Entry("B", "self 1", {}, {}), Entry("C", "cross 2", {}, {})]
    (duel,) = draw_duels(two, 30, 0)
    assert {duel.left.contestant, duel.right.contestant} == {"A", "B"}
    with pytest.raises(UserError, match="nothing to hold against each other"):
        draw_duels(two[1:], 30, 0)


def test_right_answers_are_on_both_sides():
    assert sum(check_sides(6, 0)) == 3 and check_sides(0, 0) == []
    assert len({tuple(check_sides(6, seed)) for seed in range(20)}) > 5
