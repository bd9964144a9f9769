"""The one training loop: every module's objective runs through it.

A step's randomness (batch, dropout, revived codes) is seeded by the step's number alone, so a training that was killed and resumed makes the
same weights as an undisturbed one, and the next batch can be drawn while a step is computed. With several processes each takes its share of the
same joint batch and gradients are averaged.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.modules.device import compiler_fault, pick_device, pick_dtype
from swaptalk_models.modules.model_folder import CHECKPOINT_FILE
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.training.history import HISTORY_FILE, newest, write_history
from swaptalk_models.training.objective import Batch, HeldOut, Objective, average_gradients

_LOG_POINTS = 200  # points of a training curve
_REPORT_SECONDS = 2.0
_BAD_STEPS = 20  # non-finite steps in a row after which a training is given up


class Diverged(RuntimeError):
    """The loss stayed non-finite; the last good checkpoint is kept."""


class Fit:
    """A training in progress: weights, optimiser, moving average, history."""

    def __init__(
        self,
        objective: Objective,
        held_out: HeldOut | None,
        config: TrainConfig,
        folder: Path,
        report: Callable[[str], None],
    ) -> None:
        """``held_out``: None where nothing is validated (`pace`)."""
        self.objective, self.held_out = objective, held_out
        self.config, self.folder, self.report = config, folder, report
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.world = dist.get_world_size() if dist.is_initialized() else 1
        self.device = pick_device(config.device)
        self.dtype = pick_dtype(config.dtype, self.device)
        objective.to(self.device)
        self.parameters = [p for p in self._trained().parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=config.lr, betas=(0.9, config.beta2), weight_decay=config.weight_decay
        )
        self.average = copy.deepcopy(objective.model).eval().requires_grad_(False)
        self.validates_start = False
        """Whether the weights before the first step are measured, and may be the ones that are kept."""
        self.best: dict[str, Any] = {"score": -math.inf, "step": 0, "weights": None}
        self.history: list[dict[str, float]] = []
        self.step = 0
        self.seconds = 0.0
        """Spent on training, over all sessions."""
        self.waited = 0.0
        """Of these, spent in this session on waiting for a batch."""
        self._batches: ThreadPoolExecutor | None = None
        self._next: Future[Batch] | None = None

    def run(self) -> nn.Module:
        """Train to the end of the budget, from the last checkpoint if there is one. Gives the weights to keep, as a module.

        Raises:
            Diverged: the loss was not finite many times in a row.
        """
        self._resume()
        if self.validates_start and self.step == 0:
            self._validate()  # the weights that it starts from may be the best there are
        if self.config.compile and self.progress < 1:
            self._compile()
        started = saved = said = time.monotonic()
        before = self.seconds
        bad = 0
        with ThreadPoolExecutor(1, "batches") as self._batches:
            while self.progress < 1:
                logged = int(_LOG_POINTS * self.progress)
                parts = self._train_step()
                bad = 0 if parts is not None else bad + 1
                if bad >= _BAD_STEPS:
                    raise Diverged(self._divergence(bad))
                self.step += 1
                now = time.monotonic()
                self.seconds = self._agreed(before + now - started)
                last = self.progress >= 1
                if parts is not None and (last or int(_LOG_POINTS * self.progress) > logged):
                    self.history.append({"step": self.step} | {name: float(value) for name, value in parts.items()})
                if last or self.step % self.config.eval_every == 0:
                    self._validate()
                # Not in a bad spell, which may be weights that have run away: the last checkpoint is the last good state.
                if self.rank == 0 and (last or (bad == 0 and now - saved > self.config.checkpoint_seconds)):
                    self._checkpoint()
                    saved = now
                if self.rank == 0 and (last or now - said > _REPORT_SECONDS):
                    self._say()
                    said = now
        if self.objective.keep_best and self.best["weights"] is not None:
            self.average.load_state_dict(self.best["weights"])
        return self.average

    def pace(self, seconds: float) -> tuple[float, float]:
        """Take steps for about this long, with nothing validated or kept. Gives steps a second, and the share of the time spent on waiting for
        batches.
        """
        with ThreadPoolExecutor(1, "batches") as self._batches:
            for _ in range(2):  # the first steps of a process are slower
                self._train_step()
                self.step += 1
            waited, first, started = self.waited, self.step, time.monotonic()
            while self.step - first < 2 or time.monotonic() - started < seconds:
                self._train_step()
                self.step += 1
            passed = time.monotonic() - started
        return (self.step - first) / passed, (self.waited - waited) / passed

    def take(self, count: int) -> list[float]:
        """Take so many steps, with nothing validated or kept. Gives the seconds of each, until the device has done it."""
        if self.config.compile:
            self._compile()
        seconds = []
        for _ in range(count):
            started = time.monotonic()
            self._train_step()
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            seconds.append(time.monotonic() - started)
            self.step += 1
        return seconds

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1: of the steps or of the minutes, whichever is further."""
        return min(1.0, max(self.step / self.config.steps, self._time_share()))

    @property
    def kept_step(self) -> int:
        """Step of the weights that ``run`` gives."""
        return self.best["step"] if self.objective.keep_best and self.best["weights"] is not None else self.step

    def _time_share(self) -> float:
        return self.seconds / (60 * self.config.minutes) if self.config.minutes else 0.0

    def _agreed(self, seconds: float) -> float:
        """Where the clock decides, the first process's counts, so that all end at the same step."""
        if self.world == 1 or not self.config.minutes:
            return seconds
        clock = torch.tensor(seconds, dtype=torch.float64, device=self.device)
        dist.broadcast(clock, src=0)
        return clock.item()

    def _train_step(self) -> dict[str, Tensor] | None:
        """One optimiser step; None when the loss was not finite and nothing was changed."""
        config, progress = self.config, self.progress
        for group in self.optimiser.param_groups:
            group["lr"] = config.lr * _schedule(self.step, self._time_share(), config)
        micro_batches = self._micro_batches(self._batch())
        torch.manual_seed(config.seed * 1_000_003 + self.step * self.world + self.rank)
        self._trained().train()
        self.optimiser.zero_grad(set_to_none=True)
        total: dict[str, Tensor] = {}
        for part in micro_batches:
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                loss, parts = self.objective.loss(part, progress)
            (loss / config.accumulate).backward()  # type: ignore[no-untyped-call]  # torch does not say
            for name, value in ({"loss": loss} | parts).items():
                total[name] = total.get(name, 0) + value.detach() / config.accumulate
        average_gradients(self.parameters)
        if self.world > 1:
            for value in total.values():
                dist.all_reduce(value)
                value /= self.world
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, config.grad_clip or math.inf)
        if not torch.isfinite(norm + total["loss"]):
            self._take_back_buffers()
            return None
        self.optimiser.step()
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            total |= self.objective.after_step(micro_batches, progress)
        self._update_average()
        return total

    def _batch(self) -> Batch:
        """The joint batch of this step; that of the next one is drawn meanwhile."""

        def draw(step: int) -> Batch:
            return self.objective.batch(np.random.default_rng([self.config.seed, step]), self.config.batch)

        if self._batches is None:
            return draw(self.step)
        started = time.monotonic()
        batch = (self._next or self._batches.submit(draw, self.step)).result()
        self.waited += time.monotonic() - started
        self._next = self._batches.submit(draw, self.step + 1) if self.step + 1 < self.config.steps else None
        return batch

    def _micro_batches(self, batch: Batch) -> list[Batch]:
        """This process's share of the joint batch, in ``accumulate`` parts, on the device."""
        sizes = {len(tensor) for tensor in batch.values()}
        assert sizes == {self.config.batch}, f"the joint batch has {sizes} samples, not {self.config.batch}"
        mine = {name: tensor.chunk(self.world)[self.rank] for name, tensor in batch.items()}
        parts = {name: tensor.chunk(self.config.accumulate) for name, tensor in mine.items()}
        return [
            {name: chunks[i].to(self.device, non_blocking=True) for name, chunks in parts.items()}
            for i in range(self.config.accumulate)
        ]

    @torch.no_grad()
    def _update_average(self) -> None:
        # Early on the average follows quickly, so that it does not drag the random start along.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        averaged = dict(self.average.named_parameters())
        for name, parameter in self.objective.model.named_parameters():
            averaged[name].lerp_(parameter, 1 - decay)
        for name, buffer in self.objective.model.named_buffers():
            self.average.get_buffer(name).copy_(buffer)

    @torch.no_grad()
    def _take_back_buffers(self) -> None:
        """Undo what a bad step's forward pass has left in codebooks and running means: the average has them as they were before."""
        for name, buffer in self.objective.model.named_buffers():
            buffer.copy_(self.average.get_buffer(name))

    def _compile(self) -> None:
        fault = compiler_fault(self.device)
        if fault:
            self.report(f"train.compile: left out, for nothing can be compiled here: {fault}")
            return
        self.objective.compile()
        self.report("train.compile: the first steps take minutes")

    def _divergence(self, bad: int) -> str:
        kept = (
            f"the last good state is in {self.folder / 'checkpoint.pt'}"
            if (self.folder / CHECKPOINT_FILE).is_file()
            else "none was kept"
        )
        return f"loss not finite for {bad} steps at step {self.step}: lower train.lr; of earlier states {kept}"

    def _validate(self) -> None:
        assert self.held_out is not None
        with torch.no_grad():
            figures = self.held_out.validate(self.average)
        self.history.append({"step": self.step} | {f"held_out_{name}": value for name, value in figures.items()})
        if figures["score"] > self.best["score"]:
            weights = {name: tensor.clone() for name, tensor in self.average.state_dict().items()}
            self.best = {"score": figures["score"], "step": self.step, "weights": weights}

    def _trained(self) -> nn.Module:
        """The model with what is trained along with it."""
        modules = [self.objective.model] + ([self.objective.extras] if self.objective.extras is not None else [])
        return nn.ModuleList(modules)

    def _checkpoint(self) -> None:
        state = {
            "trained": self._trained().state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "objective": self.objective.state(),
            "best": self.best,
            "history": self.history,
            "step": self.step,
            "seconds": self.seconds,
        }
        with atomic_write(self.folder / CHECKPOINT_FILE) as aside:
            torch.save(state, aside)
        write_history(self.history, self.folder / HISTORY_FILE)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT_FILE
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self._trained().load_state_dict(state["trained"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.objective.load_state(state["objective"])
        self.best, self.history = state["best"], state["history"]
        self.step, self.seconds = state["step"], state["seconds"]
        self.report(f"resumed at step {self.step} of {self.config.steps}")

    def _say(self) -> None:
        rate = self.step / max(self.seconds, 1e-9)
        figures = "  ".join(
            f"{name} {value:.4g}" for name, value in newest(self.history[-20:]).items() if name != "step"
        )
        of = (
            f"{self.step}/{self.config.steps}"
            if not self._time_share()
            else f"{self.step} ({100 * self.progress:.0f} % of the budget)"
        )
        self.report(f"step {of}  {rate:.1f} steps/s  {figures}")


def _schedule(step: int, time_share: float, config: TrainConfig) -> float:
    """Share of the peak learning rate: linear warm-up, then a cosine down to ``final_lr`` at the end of the steps or of the time."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    progress = max((step - config.warmup) / max(1, config.steps - config.warmup), min(1.0, time_share))
    return config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))
