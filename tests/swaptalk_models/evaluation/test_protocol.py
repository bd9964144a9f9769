"""evaluation/protocol.py"""

from collections import Counter

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.protocol import CROSS, METHODS, METHODS_OF, OURS, SELF, draw_scenes

COUNTS = {"a": 3, "b": 1, "c": 2}
CLIPS = [{"clip": f"{person}_{n}", "person": person} for person, count in COUNTS.items() for n in range(count)]
PERSON = {clip["clip"]: clip["person"] for clip in CLIPS}


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_swapped_with_himself(seed):
    for scene in draw_scenes(CLIPS, 12, seed):
        assert PERSON[scene.source] != PERSON[scene.target]
        if scene.setting == SELF:
            assert scene.audio == scene.target, "self-driven: the target's own sound"
        else:
            assert PERSON[scene.audio] != PERSON[scene.target], "cross-driven: another person's"


def test_as_many_of_each_setting_with_names_of_their_own():
    scenes = draw_scenes(CLIPS, 5, 0)
    assert Counter(scene.setting for scene in scenes) == {SELF: 5, CROSS: 5}
    assert len({scene.name for scene in scenes}) == 10


def test_targets_take_turns():
    scenes = [scene for scene in draw_scenes(CLIPS, 12, 3) if scene.setting == SELF]
    assert set(Counter(scene.target for scene in scenes).values()) == {2}
    few = [scene for scene in draw_scenes(CLIPS, 4, 3) if scene.setting == SELF]
    assert len({scene.target for scene in few}) == 4


def test_the_seed_says_it_all():
    assert draw_scenes(CLIPS, 8, 1) == draw_scenes(CLIPS, 8, 1)
    assert draw_scenes(CLIPS, 8, 1) != draw_scenes(CLIPS, 8, 2)
    assert draw_scenes(CLIPS, 4, 1)[:4] == draw_scenes(CLIPS, 8, 1)[:4], "more scenes keep the first self-driven ones"


@pytest.mark.parametrize("clips", [[], CLIPS[:3]])
def test_two_people_are_needed(clips):
    with pytest.raises(UserError, match="at least two held-out people"):
        draw_scenes(clips, 2, 0)


def test_every_setting_has_ours_and_something_to_beat():
    for methods in METHODS_OF.values():
        assert methods[0] == OURS and len(methods) > 1
        assert set(methods) <= set(METHODS)
    assert METHODS[OURS] == (True, "audio")
