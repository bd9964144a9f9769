"""`swaptalk run --dry-run`: what a preset costs, as tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from swaptalk_models.settings.preset import load_preset

_NOTES = (
    "params: kept + trained along; frozen: what the losses look through. A step is taken with shapes alone, all its",
    "losses joined, in bfloat16 unless train.dtype says float32. GiB, on one GPU: weights, gradients, AdamW's moments,",
    "the moving average, and what is kept for the backward pass; kernels and the allocator need some more.",
    "Too much? Raise train.accumulate or train.processes.",
)


def print_dry_run(name: str, overrides: Mapping[str, Any], as_json: bool) -> None:
    """Shapes, multiply-adds of each network, and one step of each training.

    Raises:
        UserError: unknown preset, or a value that does not fit.
    """
    preset = load_preset(name, overrides)
    from swaptalk_models.rehearsal import dry_run

    found = dry_run.dry_run(preset)
    if as_json:
        print(json.dumps(dry_run.as_json(found), indent=1))
        return
    console = Console()
    shapes = "   ".join(f"{key} {' x '.join(map(str, shape))}" for key, shape in found["shapes"].items())
    console.print(f"preset {preset.name}:   {shapes}", highlight=False, soft_wrap=True)
    console.print(_networks(found["macs"]))
    console.print(_trainings(found["trainings"]))
    for line in _NOTES:
        console.print(line, highlight=False, soft_wrap=True)


def _networks(macs: Mapping[str, int]) -> Table:
    table = _table("one frame through", "G multiply-adds")
    for name, count in macs.items():
        table.add_row(name, f"{count / 1e9:.3f}")
    return table


def _trainings(trainings: Mapping[str, Any]) -> Table:
    table = _table("training", "params", "frozen", "steps", "batch", "TFLOP/step", "EFLOP", "GiB")
    for name, cost in trainings.items():
        params = f"{cost.parameters / 1e6:.1f}" + (f" + {cost.along / 1e6:.1f}" if cost.along >= 5e4 else "") + " M"
        batch = next(iter(cost.inputs.values()))[0]
        parts = batch // cost.samples
        shared = f"{parts} x {cost.samples}" if parts > 1 else str(batch)
        work = [f"{cost.step_tflop:.2f}", f"{cost.total_eflop:.3g}", f"{cost.bytes / 2**30:.2f}"]
        table.add_row(name, params, f"{cost.frozen / 1e6:.1f} M", f"{cost.steps:,}", shared, *work)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
