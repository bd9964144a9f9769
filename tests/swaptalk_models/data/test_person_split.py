import pytest

from swaptalk_models.data.person_split import SPLITS, _place, split_persons
from swaptalk_models.errors import UserError
from swaptalk_models.settings.data import SplitConfig


@pytest.mark.parametrize("count", [4, 5, 7, 64, 400])
def test_split_is_disjoint_and_has_enough_of_each(count: int):
    split = split_persons([f"person {i}" for i in range(count)], SplitConfig())
    size = {name: list(split.values()).count(name) for name in SPLITS}
    assert sum(size.values()) == count
    assert size["test"] >= 2 and size["validation"] >= 1 and size["train"] >= 1
    if count >= 400:
        assert abs(size["test"] / count - 0.12) < 0.04 and abs(size["validation"] / count - 0.06) < 0.03


def test_nobody_moves_when_others_come_or_go():
    people = [f"person {i}" for i in range(300)]
    whole = split_persons(people, SplitConfig())
    part = split_persons(people[:200], SplitConfig())
    assert {person: whole[person] for person in part} == part


def test_with_few_people_all_shares_are_still_served():
    for test, validation in [(0.0, 0.0), (0.8, 0.0), (0.0, 0.8), (0.5, 0.3)]:
        split = split_persons(["a", "b", "c", "d"], SplitConfig(validation=validation, test=test))
        assert sorted(split.values()) == ["test", "test", "train", "validation"]


@pytest.mark.parametrize("count", [5, 6, 8, 30])
def test_every_split_has_people_who_can_be_heard(count: int):
    """Whoever is mute: each minimum is met by others."""
    people = sorted((f"person {i}" for i in range(count)), key=_place)
    for start in range(count - 3):
        speaking = people[start : start + 4]
        split = split_persons(people, SplitConfig(), set(people) - set(speaking))
        assert [split[person] for person in speaking] == ["test", "test", "validation", "train"]
        assert split.keys() == set(people)


def test_mute_people_move_nobody_where_there_are_others():
    people = [f"person {i}" for i in range(300)]
    assert split_persons(people, SplitConfig(), set(people[::3])) == split_persons(people, SplitConfig())


def test_too_few_people_who_can_be_heard():
    with pytest.raises(UserError, match=r"only 3 of 5 people with a usable sound \(.*\): a training needs at least 4"):
        split_persons("abcde", SplitConfig(), {"a", "d"})


def test_three_people_are_too_few():
    with pytest.raises(UserError, match=r"only 3 usable people \(.*\): a training needs at least 4"):
        split_persons(["a", "b", "c", "a"], SplitConfig())
