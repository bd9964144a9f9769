"""docs/scripts/scale_on_paper.py: the reckoning holds together; its constants are measurements' and stand there."""

import importlib
import math
import sys
from pathlib import Path

import pytest

from swaptalk_models.settings.preset import load_preset

SCRIPT = Path(__file__).parents[1] / "docs" / "scripts" / "scale_on_paper.py"
sys.path.insert(0, str(SCRIPT.parent))
paper = importlib.import_module(SCRIPT.stem)
sys.path.remove(str(SCRIPT.parent))
NANO = load_preset("nano")


def test_one_worker_takes_what_a_core_was_measured_to_take():
    row = paper.reckon(1, 1, NANO)
    value = {name: constant.value for name, constant in paper.CONSTANTS.items()}
    assert row.full == "workers" and row.seconds == pytest.approx(
        3600 * value["worker"] * value["ray"] + value["start"]
    )
    assert row.ledger == 360 * 6, "a clip is ten seconds and has an entry in five stages and for its codes"


def test_more_workers_help_until_the_driver_is_full():
    times = [paper.reckon(100, workers, NANO) for workers in (1, 2, 4, 1024, 4096)]
    assert times[0].seconds / times[1].seconds == pytest.approx(2, rel=0.01)
    assert times[0].seconds / times[2].seconds == pytest.approx(4, rel=0.01)
    assert times[3].full.startswith("driver") and times[4].seconds == times[3].seconds


def test_a_hundred_times_the_hours_is_a_hundred_times_all_that_is_kept():
    small, large = paper.reckon(100, 16, NANO), paper.reckon(10_000, 16, NANO)
    for name in ("storage", "commits", "requests", "ledger", "again"):
        assert getattr(large, name) / getattr(small, name) == pytest.approx(100, rel=0.01), name
    assert 1 < large.memory / small.memory < 100


def test_every_constant_is_a_number_with_a_source():
    assert all(math.isfinite(one.value) and one.value > 0 and one.source for one in paper.CONSTANTS.values())


def test_the_page_shows_these_tables():
    page = (SCRIPT.parents[1] / "results" / "scale.md").read_text()
    for line in paper.tables(NANO).splitlines():
        assert line in page, f"not on the page: {line}; python docs/scripts/scale_on_paper.py makes it"
