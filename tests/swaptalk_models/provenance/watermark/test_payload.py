"""provenance/watermark/payload.py"""

import numpy as np
import pytest

from swaptalk_models.provenance.watermark.payload import SYMBOLS, VALUES, decode, encode, job_bits


@pytest.mark.parametrize("bits", ["00000000", "ffffffff", "deadbeef", "01234567"])
def test_what_is_written_is_read(bits):
    symbols = encode(bits)
    assert len(symbols) == SYMBOLS and all(0 <= symbol < VALUES for symbol in symbols)
    assert decode(symbols) == bits


def test_a_wrong_symbol_is_seen_but_for_one_in_256():
    symbols, rng = encode("deadbeef"), np.random.default_rng(0)
    for place in range(SYMBOLS):
        changed = [[*symbols[:place], value, *symbols[place + 1 :]] for value in range(VALUES)]
        assert sum(decode(word) is not None for word in changed) < 14
    words = rng.integers(0, VALUES, (20000, SYMBOLS)).tolist()
    assert 40 < sum(decode(word) is not None for word in words) < 120


def test_nothing_is_no_payload():
    assert decode([0] * SYMBOLS) is None


def test_bits_of_a_job_are_its_own_and_stay():
    assert job_bits("20261129T080715-67c72c74") == "0d9ac431", "videos are out there that say so"
    assert job_bits("a") != job_bits("b") and len(job_bits("a")) == 8
