"""A toy objective for the training loop, and a program that trains it as one of several processes:

RANK=0 WORLD_SIZE=2 toy.py FOLDER STEPS RENDEZVOUS
"""

import os
import sys
from pathlib import Path

import torch
from torch import distributed as dist
from torch import nn

from swaptalk_models.modules.quantizer import VectorQuantizer
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.training.loop import Fit
from swaptalk_models.training.objective import Objective, Outcome, average_gradients

WEIGHTS = torch.tensor([[1.0, -2.0, 0.5, 3.0]])


class Toy(Objective):
    """Linear regression, with a buffer, an extra network with an optimiser of its own, and dropout on demand."""

    def __init__(self, dropout: float = 0.0, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8) if dropout else nn.Identity())
        self.model.append(nn.Dropout(dropout)).append(nn.Linear(8, 1))
        self.extras = nn.Linear(1, 1)
        self.adversary = nn.Linear(1, 1)
        self.adversary_optimiser = torch.optim.Adam(self.adversary.parameters(), lr=1e-2)
        self.steps = 0
        """Steps begun; batches are drawn ahead of them."""

    def batch(self, rng, size):
        x = torch.from_numpy(rng.normal(size=(size, 4))).float()
        return {"x": x, "y": x @ WEIGHTS.T}

    def loss(self, batch, progress):
        self.steps += 1
        loss = (self.extras(self.model(batch["x"])) - batch["y"]).square().mean()
        return loss, {"error": loss.sqrt()}

    def after_step(self, micro_batches, progress):
        self.adversary_optimiser.zero_grad()
        losses = [self.adversary(self.model(batch["x"]).detach()).square().mean() for batch in micro_batches]
        loss = torch.stack(losses).mean()
        loss.backward()
        average_gradients(self.adversary.parameters())
        self.adversary_optimiser.step()
        return {"adversary": loss.detach()}

    def state(self):
        return {"adversary": self.adversary.state_dict(), "optimiser": self.adversary_optimiser.state_dict()}

    def load_state(self, state):
        self.adversary.load_state_dict(state["adversary"])
        self.adversary_optimiser.load_state_dict(state["optimiser"])


class ToyHeldOut:
    """The error on four points."""

    def __init__(self, objective: Toy) -> None:
        self.objective = objective

    def validate(self, model):
        x = torch.eye(4)
        error = float((self.objective.extras(model(x)) - x @ WEIGHTS.T).square().mean())
        return {"error": error, "score": -error}

    def finish(self, model, folder):
        return Outcome({"error": self.validate(model)["error"]})


def config(**changed) -> TrainConfig:
    return TrainConfig(
        **{"steps": 12, "batch": 8, "lr": 1e-2, "warmup": 2, "grad_clip": 0.0, "eval_every": 4}
        | {"device": "cpu", "dtype": "float32"}
        | changed
    )


def weights(fit: Fit) -> dict[str, torch.Tensor]:
    """All that a training leaves: model, extras, adversary, average, and the gradients' running mean, which (unlike the
    weights that AdamW makes of it) tells how large the gradients were.
    """
    parts = {"model": fit.objective.model, "extras": fit.objective.extras, "average": fit.average}
    parts["adversary"] = fit.objective.adversary
    left = {f"{part}.{key}": value for part, module in parts.items() for key, value in module.state_dict().items()}
    moments = fit.optimiser.state_dict()["state"]
    return left | {f"moment.{number}": state["exp_avg"] for number, state in moments.items()}


def quantised(parts: int, part: int, revive_below: float, started: bool) -> dict[str, torch.Tensor]:
    """A codebook that has followed this part of some joint batches."""
    torch.manual_seed(0)
    quantizer = VectorQuantizer(codes=8, dim=4, groups=2, decay=0.8, revive_below=revive_below).train()
    quantizer.started.fill_(started)
    for step in range(4):
        joint = 3 * torch.randn(8, 4, 2, 2, generator=torch.Generator().manual_seed(step))
        torch.manual_seed(100 * part + step)  # the processes' own randomness differs
        quantizer(joint.chunk(parts)[part])
    return quantizer.state_dict()


if __name__ == "__main__":
    folder, steps, rendezvous = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=world)
    objective = Toy()
    fit = Fit(objective, ToyHeldOut(objective), config(steps=steps, processes=world), folder, lambda line: None)
    fit.run()
    codebooks = {"followed": quantised(world, rank, 0.0, True), "revived": quantised(world, rank, 0.9, False)}
    torch.save({"weights": weights(fit)} | codebooks, folder / f"rank_{rank}.pt")
    dist.destroy_process_group()
