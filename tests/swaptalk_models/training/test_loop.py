"""training/loop.py"""

import importlib.util
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from swaptalk_models.modules.device import compiler_fault
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.training import loop
from swaptalk_models.training.history import newest, read_history
from swaptalk_models.training.loop import Diverged, Fit, _schedule

ROOT = Path(__file__).parents[3]
TOY = Path(__file__).with_name("toy.py")


def load_toy():
    spec = importlib.util.spec_from_file_location("toy_training", TOY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toy = load_toy()


def fit(folder, objective=None, report=lambda line: None, held_out=None, **changed) -> Fit:
    objective = objective or toy.Toy()
    return Fit(objective, held_out or toy.ToyHeldOut(objective), toy.config(**changed), folder, report)


def same(first: Fit, second: Fit) -> bool:
    ours, theirs = toy.weights(first), toy.weights(second)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def close(ours, theirs, tolerance=1e-5) -> bool:
    return ours.keys() == theirs.keys() and all(
        torch.allclose(ours[key], theirs[key], atol=tolerance, rtol=1e-4) for key in ours
    )


def test_learns(tmp_path):
    training = fit(tmp_path, steps=150, lr=5e-2, eval_every=50)
    model = training.run()
    held_out = [row["held_out_error"] for row in training.history if "held_out_error" in row]
    assert len(held_out) == 3
    assert held_out[-1] < 0.05 < held_out[0] + 0.05
    assert training.history[0]["loss"] > 5 * next(r["loss"] for r in reversed(training.history) if "loss" in r)
    assert not model.training and not any(p.requires_grad for p in model.parameters())


class Killed(BaseException):
    """As sudden as a kill."""


class Dies(toy.Toy):
    """Killed in the middle of a step, after its batch was drawn and some randomness used up."""

    def __init__(self, at: int, **options) -> None:
        super().__init__(**options)
        self.at = at

    def loss(self, batch, progress):
        if self.steps + 1 == self.at:
            torch.rand(7)
            raise Killed
        return super().loss(batch, progress)


@pytest.mark.parametrize("at", [1, 5, 8, 12])
def test_killed_and_resumed_is_undisturbed(tmp_path, at):
    """To the bit: weights, extras, the objective's own state, the average, the curves."""
    options = {"checkpoint_seconds": 1e-9}
    undisturbed = fit(tmp_path / "a", toy.Toy(dropout=0.3), **options)
    undisturbed.run()
    with pytest.raises(Killed):
        fit(tmp_path / "b", Dies(at, dropout=0.3), **options).run()
    said = []
    start = toy.Toy(dropout=0.3) if at == 1 else toy.Toy(dropout=0.3, seed=99)  # what it starts with is overwritten
    resumed = fit(tmp_path / "b", start, said.append, **options)
    resumed.run()
    assert same(undisturbed, resumed)
    assert resumed.history == undisturbed.history
    assert start.steps == 12 - (at - 1), "only what was lost is done again"
    assert (at == 1) == (not said or "resumed" not in said[0])


def test_a_checkpoint_only_now_and_then_loses_only_time(tmp_path):
    undisturbed = fit(tmp_path / "a")
    undisturbed.run()
    with pytest.raises(Killed):
        fit(tmp_path / "b", Dies(9)).run()  # within the first 20 s: no checkpoint yet
    assert not (tmp_path / "b" / "checkpoint.pt").exists()
    resumed = fit(tmp_path / "b")
    resumed.run()
    assert same(undisturbed, resumed)


def test_a_finished_training_is_not_trained_again(tmp_path):
    first = fit(tmp_path)
    first.run()
    again = fit(tmp_path, toy.Toy(seed=5))
    again.run()
    assert again.objective.steps == 0
    assert same(first, again)


def test_gradient_accumulation_is_one_batch(tmp_path):
    whole, parts = fit(tmp_path / "a"), fit(tmp_path / "b", accumulate=4)
    whole.run(), parts.run()
    assert close(toy.weights(whole), toy.weights(parts))
    assert whole.history[0]["loss"] == pytest.approx(parts.history[0]["loss"], rel=1e-5)


class NotANumber(toy.Toy):
    """The loss of some steps (counted from 1) is not finite."""

    def __init__(self, bad) -> None:
        super().__init__()
        self.bad = bad

    def loss(self, batch, progress):
        loss, parts = super().loss(batch, progress)
        return (loss * math.nan if self.steps in self.bad else loss), parts


def test_a_bad_step_changes_nothing_and_the_training_goes_on(tmp_path):
    objective = NotANumber({2, 3})
    training = fit(tmp_path, objective, steps=2)
    training.run()
    one = fit(tmp_path / "one", steps=2)
    one._train_step()
    assert same(training, one), "the second step left no trace"
    longer = fit(tmp_path / "longer", NotANumber({2, 3}), steps=30)
    longer.run()
    assert all(torch.isfinite(value).all() for value in toy.weights(longer).values())
    assert {2, 3}.isdisjoint(row["step"] for row in longer.history if "loss" in row)


def test_a_training_that_stays_bad_is_given_up(tmp_path):
    training = fit(tmp_path / "a", NotANumber(range(1, 100)), steps=60, eval_every=100)
    before = {key: value.clone() for key, value in toy.weights(training).items()}
    with pytest.raises(Diverged, match="not finite for 20 steps.*lower train.lr.*none was kept"):
        training.run()
    assert all(torch.equal(before[key], value) for key, value in toy.weights(training).items())
    later = fit(tmp_path / "b", NotANumber(range(4, 100)), steps=60, eval_every=100, checkpoint_seconds=1e-9)
    with pytest.raises(Diverged, match="last good state is in .*b/checkpoint.pt"):
        later.run()
    assert torch.load(tmp_path / "b" / "checkpoint.pt", weights_only=True)["step"] == 3, "none of the bad spell"


class Poisoned(toy.Toy):
    """A step whose forward pass leaves something infinite in a buffer, as a codebook's averages would keep it."""

    def __init__(self) -> None:
        super().__init__()
        self.model.register_buffer("followed", torch.zeros(3))

    def loss(self, batch, progress):
        loss, parts = super().loss(batch, progress)
        self.model.followed.add_(math.inf if self.steps == 3 else 1.0)
        return loss + 0 * self.model.followed.sum(), parts


def test_a_bad_step_leaves_nothing_in_codebooks(tmp_path):
    training = fit(tmp_path, Poisoned(), steps=6)
    training.run()
    assert training.objective.model.followed.tolist() == [5.0] * 3
    assert sorted(row["step"] for row in training.history if "loss" in row) == [1, 2, 4, 5, 6]


class Worsens(toy.ToyHeldOut):
    """Held-out score that peaks at the first look."""

    def validate(self, model):
        self.first = getattr(self, "first", None) or {k: v.clone() for k, v in model.state_dict().items()}
        self.looks = getattr(self, "looks", 0) + 1
        return {"score": -float(self.looks)}


@pytest.mark.parametrize("keep_best", [True, False])
def test_the_best_weights_are_kept(tmp_path, keep_best):
    objective = toy.Toy()
    objective.keep_best, held_out = keep_best, Worsens(objective)
    model = fit(tmp_path, objective, held_out=held_out).run()
    kept_first = all(torch.equal(held_out.first[key], value) for key, value in model.state_dict().items())
    assert held_out.looks == 3
    assert kept_first == keep_best


def test_the_average_trails_and_can_be_switched_off(tmp_path):
    off = fit(tmp_path / "a", ema=0.0)
    off.run()
    model = off.objective.model.state_dict()
    assert all(torch.equal(model[key], value) for key, value in off.average.state_dict().items())
    on = fit(tmp_path / "b", ema=0.9)
    on.run()
    assert any(not torch.equal(on.objective.model.state_dict()[k], v) for k, v in on.average.state_dict().items())


def test_steps_can_be_taken_alone(tmp_path):
    """As a trial of a device takes them: the same steps, nothing validated, nothing kept."""
    training = fit(tmp_path / "a")
    seconds = training.take(3)
    assert len(seconds) == 3 and min(seconds) > 0 and training.step == 3 and training.history == []
    assert not (tmp_path / "a").exists()
    whole = fit(tmp_path / "b", steps=12)
    for _ in range(3):
        whole._train_step()
        whole.step += 1
    assert same(training, whole)


def test_history_is_on_disk_while_training_runs(tmp_path):
    with pytest.raises(Killed):
        fit(tmp_path, Dies(9), checkpoint_seconds=1e-9).run()
    rows = read_history(tmp_path / "history.parquet")
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 9))
    assert [row["step"] for row in rows if "held_out_score" in row] == [4, 8]
    fit(tmp_path).run()
    rows = read_history(tmp_path / "history.parquet")
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 13))
    assert set(newest(rows)) == {"step", "loss", "error", "adversary", "held_out_error", "held_out_score"}


def test_the_next_batch_is_drawn_meanwhile(tmp_path):
    class Slow(toy.Toy):
        def batch(self, rng, size):
            time.sleep(0.02)
            return super().batch(rng, size)

        def loss(self, batch, progress):
            time.sleep(0.03)
            return super().loss(batch, progress)

    training = fit(tmp_path, Slow())
    training.run()
    assert training.waited < 0.5 * 12 * 0.02
    same(training, fit(tmp_path))


def test_a_short_joint_batch_is_our_fault(tmp_path):
    objective = toy.Toy()
    objective.batch = lambda rng, size: {"x": torch.zeros(size - 1, 4), "y": torch.zeros(size - 1, 1)}
    with pytest.raises(AssertionError, match="7.*not 8"):
        fit(tmp_path, objective).run()


class Clock:
    """A second a call."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_time_budget_ends_a_training_and_takes_the_schedule_along(tmp_path, monkeypatch):
    monkeypatch.setattr(loop.time, "monotonic", Clock())
    training = fit(tmp_path, steps=10**6, minutes=0.5, ema=0.999, eval_every=10**6)
    training.run()
    assert 30 <= training.seconds < 35 and training.step < 30
    assert training.optimiser.param_groups[0]["lr"] < 0.2 * 1e-2, "it has come down"
    assert [row["step"] for row in training.history if "held_out_score" in row] == [training.step]
    assert len([row for row in training.history if "loss" in row]) == training.step
    # With so few steps an average over a thousand would be the random start.
    gap = sum(
        (a - b).abs().sum()
        for a, b in zip(training.average.parameters(), training.objective.model.parameters(), strict=True)
    )
    moved = sum(
        (a - b).abs().sum()
        for a, b in zip(toy.Toy().model.parameters(), training.objective.model.parameters(), strict=True)
    )
    assert gap < 0.5 * moved


def test_spent_time_counts_over_sessions(tmp_path, monkeypatch):
    monkeypatch.setattr(loop.time, "monotonic", Clock())
    options = {"steps": 10**6, "minutes": 0.5, "checkpoint_seconds": 1e-9}
    with pytest.raises(Killed):
        fit(tmp_path, Dies(5), **options).run()
    spent = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["seconds"]
    assert spent > 4
    resumed = fit(tmp_path, **options)
    resumed.run()
    assert 30 <= resumed.seconds < 35
    assert resumed.objective.steps < 30 - spent


def test_without_a_compiler_a_training_goes_on(tmp_path, monkeypatch):
    def compile(function, **options):
        raise RuntimeError("No working C++ compiler found\nin 30 lines")

    monkeypatch.setattr(torch, "compile", compile)
    said = []
    training = fit(tmp_path / "a", compile=True, report=said.append)
    training.run()
    assert said[0] == "train.compile: left out, for nothing can be compiled here: No working C++ compiler found"
    plain = fit(tmp_path / "b")
    plain.run()
    assert same(training, plain)


@pytest.mark.slow
def test_compiled_is_the_same_training(tmp_path):
    if compiler_fault(torch.device("cpu")):
        pytest.skip("nothing can be compiled here")
    compiled, plain = fit(tmp_path / "a", compile=True, steps=3), fit(tmp_path / "b", steps=3)
    compiled.run(), plain.run()
    assert compiled.objective.model._compiled_call_impl is not None
    assert close(toy.weights(compiled), toy.weights(plain), 1e-4)


def test_learning_rate_warms_up_and_comes_down():
    config = TrainConfig(steps=100, warmup=10, final_lr=0.1)
    shares = [_schedule(step, 0.0, config) for step in range(101)]
    assert shares[0] == pytest.approx(0.1) and shares[9] == shares[10] == 1
    assert shares[55] == pytest.approx(0.55)
    assert shares[100] == pytest.approx(0.1)
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert _schedule(20, 1.5, config) == pytest.approx(0.1), "time is up"
    assert _schedule(55, 0.2, config) == shares[55], "the steps are further"
    assert _schedule(5, 1.0, config) == shares[5], "a warm-up is steps"


def test_gradients_are_clipped(tmp_path):
    """One step of plain size, however steep the loss: with AdamW's first step that shows in its first moment."""
    training = fit(tmp_path, grad_clip=0.5)
    training._train_step()
    moments = [training.optimiser.state[p]["exp_avg"] for p in training.parameters]
    norm = torch.cat([m.flatten() for m in moments]).norm().item() / 0.1
    assert norm == pytest.approx(0.5, rel=1e-3)


def test_progress_is_said(tmp_path):
    said = []
    fit(tmp_path, report=said.append).run()
    assert said[-1].startswith("step 12/12") and "loss" in said[-1] and "held_out_error" in said[-1]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes have made, and their folder."""
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, str(TOY), str(folder), "3", str(folder / "rendezvous")]
    environment = os.environ | {"WORLD_SIZE": "2", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    running = [subprocess.Popen(command, env=environment | {"RANK": rank}) for rank in "01"]
    try:
        assert [process.wait(60) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    return [torch.load(folder / f"rank_{rank}.pt", weights_only=True) for rank in (0, 1)], folder


def test_two_processes_are_one(two, tmp_path):
    """The same joint batch, halved: the same weights on both, and those of one process."""
    (first, second), folder = two
    one = fit(tmp_path, steps=3)
    one.run()
    alone = toy.weights(one)
    first, second = first["weights"], second["weights"]
    assert all(torch.equal(first[key], second[key]) for key in alone)
    assert close(alone, {key: first[key] for key in alone})
    assert (folder / "checkpoint.pt").is_file()


def test_two_processes_share_their_codebooks(two):
    (first, second), _ = two
    for name in ("followed", "revived"):
        assert all(torch.equal(first[name][key], second[name][key]) for key in first[name])
    assert close(toy.quantised(1, 0, revive_below=0.0, started=True), first["followed"])
