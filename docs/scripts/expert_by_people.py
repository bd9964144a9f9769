"""How well the lip expert tells people it has never seen, over how many it was trained on: is it people that are missing, or steps?

    python docs/scripts/expert_by_people.py HOME OUTPUT.md [--steps 150] [--people 4 8 16]

HOME is one in which the lip expert was trained. Each expert here is a fresh one with the same settings, data and steps; it only sees the
first few of the training people, drawn by a seed, and all of their clips. Nothing in HOME is changed; OUTPUT.md holds figures only.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from pipelines.run_settings import last_settings
from swaptalk_models.data.snapshot import load_snapshot
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure.protocol import FPS
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training.inputs import read_inputs
from swaptalk_models.training.loop import Fit
from swaptalk_models.training.run import build_objective
from swaptalk_models.training.spec import plan


def train(home: Path, people: int, steps: int) -> list[str]:
    """Train one expert on this many people: the cells of its row."""
    settings = last_settings(Home(home))
    preset = load_preset(settings.preset, settings.overrides)
    snapshot = load_snapshot(Home(home))
    torch.manual_seed(preset.lip_expert.train.seed)
    inputs = read_inputs(plan("lip_expert", home, preset, snapshot.path, snapshot.version))
    objective, held_out = build_objective(inputs, "lip_expert")
    everybody = np.random.default_rng(0).permutation(sorted({clip.person for clip in objective.clips}))
    if people > len(everybody):
        raise UserError(f"only {len(everybody)} people to train on: those above have their rows")
    objective.clips = [clip for clip in objective.clips if clip.person in everybody[:people]]
    config = dataclasses.replace(preset.lip_expert.train, steps=steps, minutes=0.0, eval_every=max(1, steps // 6))
    with tempfile.TemporaryDirectory() as folder:
        fit = Fit(
            objective, held_out, config, Path(folder), lambda line: print(f"{people} people: {line}", file=sys.stderr)
        )
        model = fit.run()
        (Path(folder) / "samples").mkdir(exist_ok=True)
        outcome = held_out.finish(model, Path(folder))
    own = np.mean([row["accuracy"] for row in fit.history if "accuracy" in row][-3:])
    validation = max(row["held_out_accuracy"] for row in fit.history if "held_out_accuracy" in row)
    minutes = sum(clip.frames for clip in objective.clips) / FPS / 60
    return [
        str(people),
        str(len(objective.clips)),
        f"{minutes:.1f}",
        f"{own:.3f}",
        f"{validation:.3f}",
        f"{outcome.metrics['accuracy']:.3f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--people", type=int, nargs="+", default=[4, 8, 16])
    options = parser.parse_args()
    lines = [
        "| people trained on | clips | minutes | accuracy on their windows, while training | validation people, at best | test people |"
    ]
    lines += ["|--:|--:|--:|--:|--:|--:|"]
    for people in options.people:
        lines.append(f"| {' | '.join(train(options.home, people, options.steps))} |")
        with atomic_write(options.output) as aside:
            aside.write_text("\n".join(lines) + "\n")
    print(options.output.read_text())


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
