"""inference/overlap.py"""

import threading
import time
from contextlib import closing

import pytest

from swaptalk_models.inference.overlap import Behind, ahead


def test_everything_comes_in_its_order():
    assert list(ahead(iter(range(50)), depth=2)) == list(range(50))


def test_no_more_is_read_ahead_than_was_said():
    read = []

    def items():
        for number in range(20):
            read.append(number)
            yield number

    with closing(ahead(items(), depth=1)) as coming:
        next(coming)
        time.sleep(0.3)
        assert len(read) <= 3, "one given, one waiting, one in hand"


def test_a_reader_ends_when_nobody_wants_the_rest():
    before = threading.active_count()
    with closing(ahead(iter(range(1000)))) as coming:
        next(coming)
    assert threading.active_count() == before


def test_an_error_of_the_reader_comes_where_it_happened():
    def items():
        yield 1
        raise OSError("gone")

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(OSError, match="gone"):
        next(coming)


def test_work_behind_is_done_in_its_order_and_whole_at_the_end():
    done = []
    with Behind() as behind:
        for number in range(5):
            behind.do(lambda number=number: (time.sleep(0.01), done.append(number))[0])
    assert done == list(range(5))


@pytest.mark.parametrize("later", [True, False])
def test_an_error_behind_is_not_lost(later):
    def fails():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Behind() as behind:
        behind.do(fails)
        if later:
            behind.do(lambda: None)
