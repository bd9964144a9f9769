"""Who is trained on, who is held out: people, never clips, so that no face is on both sides."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable

from swaptalk_models.errors import UserError
from swaptalk_models.settings.data import SplitConfig

SPLITS = ("train", "validation", "test")
MIN_TEST, MIN_VALIDATION, MIN_TRAIN = 2, 1, 1
"""People whose sound can be used. Two to test with: driving one face by another's voice needs both."""


def split_persons(persons: Iterable[str], config: SplitConfig, mute: Collection[str] = ()) -> dict[str, str]:
    """{person: train | validation | test}, by a hash of the name alone: nobody moves when others come or go.

    Only where the shares leave too few people to test or validate with, those with the next lowest hashes help out.

    Args:
        mute: people none of whose clips has a usable sound. They get a split like all others, but lips can be neither
            learned from them nor tested with them, so they count for none of the minima.

    Raises:
        UserError: fewer than four people who are not mute.
    """
    places = sorted((_place(person), person) for person in set(persons))
    names = [person for _, person in places]
    speaking = [number for number, person in enumerate(names) if person not in mute]
    if len(speaking) < MIN_TEST + MIN_VALIDATION + MIN_TRAIN:
        raise UserError(
            f"only {_usable([names[number] for number in speaking], among=len(names))}: a training needs at least 4, "
            "one to train on, one to validate and two to test with"
        )
    by_share = Counter(_by_share(place, config) for place, _ in places)
    # Each split ends behind the last speaker it needs, and before the first that the splits after it need.
    test = max(by_share["test"], speaking[MIN_TEST - 1] + 1)
    test = min(test, speaking[-MIN_VALIDATION - MIN_TRAIN])
    to_validate = [number for number in speaking if number >= test]
    up_to_validation = max(by_share["test"] + by_share["validation"], to_validate[MIN_VALIDATION - 1] + 1)
    up_to_validation = min(up_to_validation, speaking[-MIN_TRAIN])
    split = dict.fromkeys(names[:test], "test") | dict.fromkeys(names[test:up_to_validation], "validation")
    return split | dict.fromkeys(names[up_to_validation:], "train")


def _usable(names: list[str], among: int) -> str:
    people = "person" if len(names) == 1 else "people"
    listed = ", ".join(names) or "nobody"
    if len(names) == among:
        return f"{among} usable {people} ({listed})"
    return f"{len(names)} of {among} people with a usable sound ({listed})"


def _place(person: str) -> float:
    """Where a person stands in [0, 1)."""
    return int.from_bytes(hashlib.sha256(person.encode()).digest()[:7], "big") / 2**56


def _by_share(place: float, config: SplitConfig) -> str:
    return "test" if place < config.test else "validation" if place < config.test + config.validation else "train"
