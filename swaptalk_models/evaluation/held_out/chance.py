"""Has a sync network left chance? Peers' experts stay at a loss of 0.69 = ln 2 for 100,000 steps, and nobody is told."""

from __future__ import annotations

import math
from typing import NamedTuple

from swaptalk_models.modules.model_folder import ModelFolder
from swaptalk_models.training.history import HISTORY_FILE, read_history

CHANCE_LOSS = math.log(2)  # of pairs, half of them in step, by a network that knows nothing
CHANCE_ACCURACY = 0.5
_LEFT_LOSS = 0.66
_LEFT_ACCURACY = 0.55
_POINTS = 10  # of the training's curve that its running mean goes over: a batch alone says little


class Chance(NamedTuple):
    """What was found."""

    left: bool
    said: str
    figures: dict[str, float]


def look_at_chance(folder: ModelFolder) -> Chance:
    """Whether this sync network tells pairs in step from pairs out of step, on training people (loss) and on held-out ones (accuracy).

    A training that ended within its warm-up was a trial of the machinery, and is not judged.
    """
    result = folder.result()
    accuracy, steps = result["metrics"]["accuracy"], result["step"]
    rows = [row for row in read_history(folder.path / HISTORY_FILE) if "pairs" in row]
    losses = [row["pairs"] for row in rows]
    means = [sum(part) / len(part) for part in (losses[max(0, i - _POINTS + 1) : i + 1] for i in range(len(losses)))]
    loss = means[-1] if means else math.nan
    figures = {"accuracy": float(accuracy), "pairs_loss": loss, "chance_loss": CHANCE_LOSS}
    warmup = result.get("config", {}).get("train", {}).get("warmup", 0)
    if result.get("kept"):
        return Chance(True, f"{result['kept']}; accuracy {accuracy:.3f}", figures)
    if steps <= warmup:
        return Chance(True, f"not judged: {steps} steps are all warm-up", figures)
    if not (accuracy > _LEFT_ACCURACY and loss < _LEFT_LOSS):
        said = f"still at chance after {steps} steps: accuracy {accuracy:.3f} (chance {CHANCE_ACCURACY}), loss of pairs {loss:.3f} (chance 0.693)"
        return Chance(False, f"{said}: give it more steps or more people, or look at the clips' sound", figures)
    at_chance = [row["step"] for row, mean in zip(rows, means, strict=True) if mean >= _LEFT_LOSS]
    left = next(row["step"] for row in rows if row["step"] > max(at_chance, default=0))
    return Chance(
        True,
        f"left 0.69 for good at step {left} of {steps}; accuracy {accuracy:.3f}",
        figures | {"left_chance_at_step": float(left)},
    )
