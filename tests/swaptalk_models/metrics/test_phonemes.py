"""metrics/phonemes.py"""

import numpy as np
import pytest

from swaptalk_models.metrics.phonemes import KINDS, kind_of, kinds_of_frames, phoneme_errors

SPOKEN = [("m", 0.0, 0.4), ("'aI", 0.4, 0.8), ("t2", 0.8, 0.9), ("_:", 0.9, 1.2), ("i:", 1.2, 1.3)]


def test_kinds_by_the_notation_of_the_drawn_people():
    assert [kind_of(name) for name in ("m", "b", "'f", "'aI", ",A:", "oU", "i:", "dZ")] == [
        *("lips meet", "lips meet", "lip under teeth", "open", "open", "mid", "narrow", "narrow")
    ]
    assert [kind_of(name) for name in ("t2", "k", "h", "_:", "n")] == [None] * 5


def test_frames_belong_to_what_is_said_at_their_time():
    kinds = kinds_of_frames(SPOKEN, 40)
    expected = np.repeat(
        [KINDS.index("lips meet"), KINDS.index("open"), -1, KINDS.index("narrow"), -1], [10, 10, 10, 3, 7]
    )
    assert kinds.tolist() == expected.tolist()


def test_errors_are_signed_and_by_kind():
    kinds = kinds_of_frames(SPOKEN, 40)
    real = np.choose(kinds + 1, [0.1, 0.0, 0.0, 0.3, 0.2, 0.1])
    assert phoneme_errors(real, kinds, real, kinds) == {"lips meet": 0, "open": 0}, "three frames of one are too few"
    never_shut = np.maximum(real, 0.12)
    assert phoneme_errors(never_shut, kinds, real, kinds) == pytest.approx({"lips meet": 12, "open": 0})
    mumbled = 0.5 * real
    assert phoneme_errors(mumbled, kinds, real, kinds) == pytest.approx({"lips meet": 0, "open": -15})
    unseen = np.where(np.arange(40) < 10, np.nan, real)
    assert list(phoneme_errors(unseen, kinds, real, kinds)) == ["open"]


def test_another_text_is_compared_kind_by_kind():
    kinds, other = kinds_of_frames(SPOKEN, 40), kinds_of_frames([("A:", 0.0, 0.6), ("p", 0.6, 1.0)], 40)
    opening = np.where(other == KINDS.index("open"), 0.3, 0.0)
    real = np.where(kinds == KINDS.index("open"), 0.25, 0.0)
    assert phoneme_errors(opening, other, real, kinds) == pytest.approx({"lips meet": 0, "open": 5})
