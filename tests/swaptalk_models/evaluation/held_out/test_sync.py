"""evaluation/held_out/sync.py"""

import dataclasses

import numpy as np
import pytest

from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.evaluation.held_out.sync import SyncCounts, SyncHeldOut, energy_accuracy
from swaptalk_models.training.data import Clip


def logits_of(n: int, width: int) -> np.ndarray:
    """In step up to ``width`` frames off."""
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return np.where(distance <= width, 1.0, -1.0)


def counted(*logits: np.ndarray) -> SyncCounts:
    counts = SyncCounts()
    for one in logits:
        counts.add(one)
    return counts


def test_accuracy_by_hand():
    assert counted(logits_of(20, 0)).accuracy == 1
    assert counted(logits_of(20, 4)).accuracy == 1, "nearer than 5 frames does not count"
    assert counted(np.full((20, 20), 1.0)).accuracy == 0.5
    assert counted(np.full((20, 20), -1.0)).accuracy == 0.5
    assert counted(np.zeros((20, 20))).accuracy == 0.5, "undecided is out of step"
    # 15 + 14 + ... + 1 pairs lie 5 or more frames off on each side; 15 of 120 are exactly 5 off.
    assert counted(logits_of(20, 5)).accuracy == pytest.approx(0.5 + 0.5 * (1 - 15 / 120))
    half_right = logits_of(20, 0)
    half_right[np.arange(10), np.arange(10)] = -1
    assert counted(half_right).accuracy == pytest.approx(0.75)


def test_accuracy_by_offset():
    curve = counted(logits_of(40, 2)).by_offset
    assert curve == [float(abs(offset) <= 2) for offset in range(-15, 16)]


def test_best_offset_is_sound_minus_lips():
    n = 40
    late = np.full((n, n), -1.0)
    late[np.arange(n - 3), np.arange(n - 3) + 3] = 1.0  # lips of frame i go with sound of frame i + 3
    assert counted(late).best_offset == 3
    assert counted(late.T).best_offset == -3
    assert counted(logits_of(n, 0)).best_offset == 0


class Talking:
    """A clip whose mouth opens with the loudness, or with another's."""

    def __init__(self, lag: int) -> None:
        opening = np.convolve(np.random.default_rng(0).uniform(0, 1, 80), np.ones(3) / 3, mode="same")
        self.landmarks = np.zeros((80, 68, 2), np.float32)
        self.landmarks[:, 36:42], self.landmarks[:, 42:48] = (-10, 0), (10, 0)
        self.landmarks[:, 66, 1] = 10 * opening
        steps = np.interp(np.arange(256), np.arange(80) * 3.2 + 1.6, np.roll(opening, lag))
        self.mel = np.repeat(steps[:, None], 80, axis=1).astype(np.float32)

    def landmarks_of_clip(self, clip):
        return self.landmarks

    def windows(self, clip, starts):
        return mel_windows(self.mel, starts)


def test_baseline_follows_loudness():
    clip = Clip("a", 0, "test", 0, 80)
    in_step, off = energy_accuracy(Talking(0), clip), energy_accuracy(Talking(20), clip)
    assert in_step > 0.7
    assert off < 0.6


def test_held_out_figures(make_expert, make_judge, tmp_path):
    for objective in (make_expert(), make_judge()):
        model, held_out = objective.model.eval(), SyncHeldOut(objective)
        figures = held_out.validate(model)
        assert figures["score"] == figures["accuracy"]
        outcome = held_out.finish(model, tmp_path)
        assert 0 <= outcome.metrics["accuracy"] <= 1 and 0 <= outcome.baselines["accuracy"] <= 1
        assert len(outcome.curves["accuracy_by_offset"]) == 31


def whole_matrix_accuracy(logits: list[np.ndarray]) -> float:
    """As it was before the counts: from the whole matrices of all clips."""
    hits, rejections = [], []
    for of_clip in logits:
        distance = np.abs(np.subtract.outer(np.arange(len(of_clip)), np.arange(len(of_clip))))
        hits.append(np.diag(of_clip) > 0)
        rejections.append(of_clip[distance >= 5] <= 0)
    return float(0.5 * (np.concatenate(hits).mean() + np.concatenate(rejections).mean()))


def test_counts_are_the_figures_of_whole_matrices():
    rng = np.random.default_rng(0)
    logits = [rng.normal(size=(n, n)).astype(np.float32) for n in (7, 12, 40, 61)]
    counts = counted(*logits)
    assert counts.accuracy == pytest.approx(whole_matrix_accuracy(logits), abs=1e-12)
    for place, offset in enumerate(range(-15, 16)):
        called = [np.diag(one, offset) > 0 for one in logits if abs(offset) < len(one)]
        assert counts.by_offset[place] == pytest.approx(np.concatenate(called).mean(), abs=1e-12)
    for one in logits:
        offsets = [offset for offset in range(-15, 16) if abs(offset) < len(one)]
        assert counted(one).best_offset == offsets[int(np.argmax([np.diag(one, offset).mean() for offset in offsets]))]


def test_a_clip_shorter_than_a_window_has_nothing_to_say(make_expert, data):
    held_out = SyncHeldOut(make_expert())
    short = dataclasses.replace(data.of("test")[0], frames=4)
    assert list(held_out.logits(held_out.objective.model.eval(), short)) == []
    assert np.isnan(energy_accuracy(data, short))
