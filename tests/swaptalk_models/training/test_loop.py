"""training/loop.py"""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from swaptalk_models.modules.settings import TrainConfig
from swaptalk_models.training.loop import Diverged, Fit, _schedule, write_history

ROOT = Path(__file__).parents[3]
TOY = Path(__file__).with_name("toy.py")


def load_toy():
    spec = importlib.util.spec_from_file_location("toy_training", TOY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toy = load_toy()


def fit(folder, objective=None, report=lambda line: None, **changed) -> Fit:
    return Fit(objective or toy.Toy(), toy.config(**changed), folder, report)


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
        if self.batches == self.at:
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
    assert start.batches == 12 - (at - 1), "only what was lost is done again"
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
    assert again.objective.batches == 0
    assert same(first, again)


def test_gradient_accumulation_is_one_batch(tmp_path):
    whole, parts = fit(tmp_path / "a"), fit(tmp_path / "b", accumulate=4)
    whole.objective.after_step = parts.objective.after_step = lambda batch, progress: {}  # sees one part only
    whole.run(), parts.run()
    assert close(toy.weights(whole), toy.weights(parts))
    assert whole.history[0]["loss"] == pytest.approx(parts.history[0]["loss"], rel=1e-5)


class NotANumber(toy.Toy):
    """The loss of some steps (counted from 1) is not finite."""

    def __init__(self, steps) -> None:
        super().__init__()
        self.steps = steps

    def loss(self, batch, progress):
        loss, parts = super().loss(batch, progress)
        return (loss * math.nan if self.batches in self.steps else loss), parts


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
    training = fit(tmp_path, NotANumber(range(1, 100)), steps=60, eval_every=100)
    before = {key: value.clone() for key, value in toy.weights(training).items()}
    with pytest.raises(Diverged, match="not finite for 20 steps.*lower train.lr"):
        training.run()
    assert all(torch.equal(before[key], value) for key, value in toy.weights(training).items())


class Worsens(toy.Toy):
    """Held-out score that peaks at the first look."""

    def validate(self, model):
        self.first = getattr(self, "first", None) or {k: v.clone() for k, v in model.state_dict().items()}
        self.looks = getattr(self, "looks", 0) + 1
        return {"score": -float(self.looks)}


@pytest.mark.parametrize("keep_best", [True, False])
def test_the_best_weights_are_kept(tmp_path, keep_best):
    objective = Worsens()
    objective.keep_best = keep_best
    model = fit(tmp_path, objective).run()
    kept_first = all(torch.equal(objective.first[key], value) for key, value in model.state_dict().items())
    assert objective.looks == 3
    assert kept_first == keep_best


def test_the_average_trails_and_can_be_switched_off(tmp_path):
    off = fit(tmp_path / "a", ema=0.0)
    off.run()
    model = off.objective.model.state_dict()
    assert all(torch.equal(model[key], value) for key, value in off.average.state_dict().items())
    on = fit(tmp_path / "b", ema=0.9)
    on.run()
    assert any(not torch.equal(on.objective.model.state_dict()[k], v) for k, v in on.average.state_dict().items())


def test_history_as_parquet(tmp_path):
    fit(tmp_path).run()
    table = pq.read_table(tmp_path / "history.parquet")
    assert set(table.column_names) == {"step", "loss", "error", "adversary", "held_out_error", "held_out_score"}
    rows = table.to_pylist()
    assert [row["step"] for row in rows if row["loss"] is not None] == list(range(1, 13))
    assert [row["step"] for row in rows if row["held_out_score"] is not None] == [4, 8, 12]
    write_history([{"step": 3, "a": 0.5}], tmp_path / "one.parquet")
    assert pq.read_table(tmp_path / "one.parquet").to_pylist() == [{"step": 3, "a": 0.5}]


def test_learning_rate_warms_up_and_comes_down():
    config = TrainConfig(steps=100, warmup=10, final_lr=0.1)
    shares = [_schedule(step, config) for step in range(101)]
    assert shares[0] == pytest.approx(0.1) and shares[9] == shares[10] == 1
    assert shares[55] == pytest.approx(0.55)
    assert shares[100] == pytest.approx(0.1)
    assert shares[10:] == sorted(shares[10:], reverse=True)


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
    # The adversary's own step sees only its process's share.
    alone = {key: value for key, value in toy.weights(one).items() if not key.startswith("adversary")}
    first, second = first["weights"], second["weights"]
    assert all(torch.equal(first[key], second[key]) for key in alone)
    assert close(alone, {key: first[key] for key in alone})
    assert (folder / "checkpoint.pt").is_file()


def test_two_processes_share_their_codebooks(two):
    (first, second), _ = two
    for name in ("followed", "revived"):
        assert all(torch.equal(first[name][key], second[name][key]) for key in first[name])
    assert close(toy.quantised(1, 0, revive_below=0.0, started=True), first["followed"])
