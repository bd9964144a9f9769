"""`swaptalk run --dry-run`: what a preset costs, as tables or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from pipelines.tables import print_precheck
from swaptalk_models.data.store.asked import Asked
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.rehearsal.precheck import Needs, precheck
from swaptalk_models.settings.preset import Preset, load_preset

if TYPE_CHECKING:
    from swaptalk_models.rehearsal.dry_run import Cost, Need
    from swaptalk_models.rehearsal.measure import Measured
    from swaptalk_models.rehearsal.paper import Promise

_GIB, _MIB = 2**30, 2**20
_WIDTH = 80
_TRAININGS_NOTE = (
    "params: kept + trained along; frozen: what the losses look through.",
    "A step is taken with all its losses joined, in bfloat16 unless train.dtype says",
    "float32.",
)
_PASSES_NOTE = (
    "GiB. weights: networks, AdamW's moments, moving average, best weights so far.",
    "alive: the most that is alive beside them at a time, on one device; host: the",
    "same of numpy and the host's tensors. needs: what a machine must have, with a",
    "fifth more for kernels and allocator, and the process and what it holds of the",
    "corpus. Validation and finish see a clip as long as HDTF's longest (141 s).",
    "Too much? Raise train.accumulate or train.processes.",
)


def print_dry_run(home: Home, asked: Asked, as_json: bool, measured: bool = False) -> None:
    """Shapes, multiply-adds of each network, and every pass that the preset puts them through, with its memory; and whether there is enough of
    what a run needs.

    Args:
        measured: go through each pass for real, too, as large as fits this machine.

    Raises:
        UserError: unknown preset, a value that does not fit, or a pass that exceeds the preset's budget or its promise.
    """
    preset = load_preset(asked.preset, asked.overrides)
    from swaptalk_models.rehearsal.dry_run import as_json as plain
    from swaptalk_models.rehearsal.dry_run import check_budget, dry_run

    found = dry_run(preset, _say)
    found["precheck"] = [asdict(line) for line in precheck(home, asked, needs=_needs(found))]
    if measured:
        found["measured"] = _measure(found["passes"], preset)
    if as_json:
        print(json.dumps(plain(found), indent=1))
    else:
        _print(found, preset)
    check_budget(found["needs"], preset)
    broken = [row for row in found.get("measured", []) if not row.kept]
    if broken:
        raise UserError(
            f"{broken[0].name} of {broken[0].model} took {broken[0].ratio:.2f} times the memory that was promised"
        )


def _needs(found: Mapping[str, Any]) -> Needs:
    from swaptalk_models.rehearsal.dry_run import SUSTAINED_TFLOPS

    host, gpu = (max(getattr(need, place) for need in found["needs"]) for place in ("host", "gpu"))
    return Needs(host, gpu, found["total_eflop"], found["gpu_hours"], SUSTAINED_TFLOPS)


def _measure(passes: list[Promise], preset: Preset) -> list[Measured]:
    from swaptalk_models.rehearsal.measure import measure

    rows = []
    for model in dict.fromkeys(promise.model for promise in passes):
        _say(f"{model}: measured")
        rows += measure(model, preset)
    return rows


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _print(found: Mapping[str, Any], preset: Preset) -> None:
    console = Console(width=_WIDTH) if not sys.stdout.isatty() else Console()
    shapes = ", ".join(f"{key} {'x'.join(map(str, shape))}" for key, shape in found["shapes"].items())
    console.print(f"preset {preset.name}: {shapes}", highlight=False, soft_wrap=True)
    for table, notes in (
        (_networks(found["macs"]), ()),
        (_trainings(found["trainings"]), (*_TRAININGS_NOTE, _total(found))),
        (_passes(found["passes"], found["needs"]), (*_PASSES_NOTE, _budget(preset))),
        (_measured(found.get("measured", [])), ()),
    ):
        if table.row_count:
            console.print(table)
        for line in notes:
            console.print(line, highlight=False, soft_wrap=True)
    print_precheck(found["precheck"], console)


def _total(found: Mapping[str, Any]) -> str:
    from swaptalk_models.rehearsal.dry_run import SUSTAINED_TFLOPS

    return f"All trainings: {found['total_eflop']:.3g} EFLOP, {found['gpu_hours']:.3g} GPU-hours at {SUSTAINED_TFLOPS} TFLOP/s."


def _budget(preset: Preset) -> str:
    budget = preset.budget
    parts = [
        f"{most:g} GiB of {what}" for most, what in ((budget.gpu_gib, "a GPU"), (budget.host_gib, "the host")) if most
    ]
    hours = f", with {budget.hours:g} h of video" if budget.hours else ""
    return f"Budget: {' and '.join(parts)}{hours}." if parts else "Budget: none."


def _networks(macs: Mapping[str, int]) -> Table:
    table = _table("one frame through", "G multiply-adds")
    for name, count in macs.items():
        table.add_row(name, f"{count / 1e9:.3f}")
    return table


def _trainings(trainings: Mapping[str, Cost]) -> Table:
    table = _table("training", "params", "frozen", "steps", "batch", "TFLOP/step", "EFLOP")
    for name, cost in trainings.items():
        params = f"{cost.parameters / 1e6:.1f}" + (f"+{cost.along / 1e6:.1f}" if cost.along >= 5e4 else "") + " M"
        batch = next(iter(cost.inputs.values()))[0]
        parts = batch // cost.samples
        shared = f"{parts} x {cost.samples}" if parts > 1 else str(batch)
        table.add_row(
            name,
            params,
            f"{cost.frozen / 1e6:.1f} M",
            f"{cost.steps:,}",
            shared,
            f"{cost.step_tflop:.2f}",
            f"{cost.total_eflop:.3g}",
        )
    return table


def _passes(passes: list[Promise], needs: list[Need]) -> Table:
    table = _table("pass", "", "weights", "alive", "host", "needs: GPU", "host")
    before = ""
    for promise, need in zip(passes, needs, strict=True):
        sizes = (f"{size / _GIB:.2f}" for size in (promise.weights, promise.live, promise.host))
        gpu = f"{need.gpu / _GIB:.1f}" if need.gpu else "-"
        table.add_row(
            promise.model if promise.model != before else "", promise.name, *sizes, gpu, f"{need.host / _GIB:.1f}"
        )
        before = promise.model
    return table


def _measured(rows: list[Measured]) -> Table:
    table = _table("pass", "", "samples", "promised MiB", "measured MiB", "times")
    before = ""
    for row in rows:
        sizes = (f"{size / _MIB:.1f}" for size in (row.promised, row.measured))
        mark = "" if row.kept else " !"
        table.add_row(
            row.model if row.model != before else "",
            row.name,
            str(row.samples or "-"),
            *sizes,
            f"{row.ratio:.2f}{mark}",
        )
        before = row.model
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    return table
