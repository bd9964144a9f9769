"""rehearsal/measure.py: the promise against what a process really takes"""

import dataclasses

import numpy as np
import pytest

from swaptalk_models.rehearsal import measure as module
from swaptalk_models.rehearsal.measure import Measured, fitting_size, growth, measure
from swaptalk_models.settings.preset import load_preset

pytestmark = pytest.mark.skipif(not module.FORGET.exists(), reason="needs Linux")
SMALL = load_preset("tiny", {"vqgan.train.batch": 8, "lip_expert.train.batch": 16, "face_swapper.train.batch": 16})


def test_growth_is_the_peak_within_a_call():
    def work() -> int:
        array = np.ones(64 << 20, np.uint8)
        return int(array[::4096].sum())

    assert 60 << 20 < growth(work) < 80 << 20
    assert growth(lambda: None) < 8 << 20


def test_a_broken_promise_shows():
    kept = Measured("vqgan", "finish", 8, promised=100 << 20, measured=121 << 20)
    assert kept.kept and kept.ratio == pytest.approx(1.19)
    assert not dataclasses.replace(kept, measured=123 << 20).kept


def test_a_size_fits_machine_and_patience(monkeypatch):
    assert fitting_size("vqgan", SMALL).samples == 8, "no more than the preset's own"
    assert fitting_size("test_videos", SMALL).samples == 0
    monkeypatch.setattr(module, "_free_bytes", lambda: 0)
    assert fitting_size("vqgan", SMALL).samples == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lip_expert", "face_swapper", "test_videos"])
def test_promises_are_kept(name):
    rows = measure(name, SMALL)
    assert len(rows) == (1 if name == "test_videos" else 3)
    for row in rows:
        assert row.kept, row
        assert row.measured > 0.5 * row.promised or row.promised < 8 << 20, row
