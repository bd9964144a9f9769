"""`swaptalk doctor`"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from pipelines.cli.options import home_option, json_option
from swaptalk_models.settings.preset import PRESETS

if TYPE_CHECKING:
    from swaptalk_models.rehearsal.trial import Trial

_MARKS = {"ok": "[green]ok[/]", "!": "[yellow]![/]", "missing": "[red]missing[/]"}
_WIDTH = 80


@click.command()
@home_option
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    help="Put this device to the proof, too: every pass of a preset. Takes minutes.",
)
@click.option(
    "--preset",
    help=f"What the device is tried at: {', '.join(PRESETS)}, or a YAML file; else base on cuda, tiny on cpu.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    help="Try a training in so many processes; else two where there are two GPUs.",
)
@click.option(
    "--compile/--no-compile", "compiled", default=None, help="Compile the networks for the steps; else on cuda only."
)
@json_option
def command(
    home: Path, device: str | None, preset: str | None, processes: int | None, compiled: bool | None, as_json: bool
) -> None:
    """What this machine, its storage and the home can do, and what is missing.

    With --device every pass is gone through for real on random data, at the preset's shapes and batch sizes: two steps,
    a validation and a finish of each training, a generation, the judges, and one training in several processes. Exit
    code 1 where something is missing or a pass fails.

    \b
    swaptalk doctor
    swaptalk doctor --device cuda                    before a long training
    swaptalk doctor --device cpu --processes 2
    """
    from pipelines.checkup import MISSING, look

    findings = look(home)
    if not as_json:
        for finding in findings:
            Console(width=None if sys.stdout.isatty() else 200).print(
                f"{finding.what:<10}{_MARKS[finding.mark]:<8} {finding.said}", highlight=False, soft_wrap=True
            )
    trials = try_out(device, preset, processes, compiled) if device else []
    if as_json:
        print(
            json.dumps(
                {"findings": [*map(dataclasses.asdict, findings)], "trials": [*map(dataclasses.asdict, trials)]},
                indent=1,
            )
        )
    elif trials:
        _print(trials)
    if any(finding.mark == MISSING for finding in findings) or any(trial.fault for trial in trials):
        sys.exit(1)


def try_out(device: str, preset: str | None, processes: int | None, compiled: bool | None) -> list[Trial]:
    """Every pass on the device; says on stderr what it is at.

    Raises:
        UserError: there is no such device, or no such preset.
    """
    import torch

    from swaptalk_models.modules.device import pick_device
    from swaptalk_models.rehearsal.trial import try_device
    from swaptalk_models.settings.preset import load_preset

    place = pick_device(device)
    on_cuda = place.type == "cuda"
    many = processes or (min(2, torch.cuda.device_count()) if on_cuda else 1)
    chosen = load_preset(preset or ("base" if on_cuda else "tiny"))
    return try_device(
        chosen, place, on_cuda if compiled is None else compiled, many, lambda line: print(line, file=sys.stderr)
    )


def _print(trials: list[Trial]) -> None:
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, padding=(0, 1))
    for name, side in (
        ("pass", "left"),
        ("", "left"),
        ("precision", "left"),
        ("seconds", "right"),
        ("peak GiB", "right"),
        ("", "left"),
    ):
        table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    before = ""
    for trial in trials:
        memory = f"{trial.peak / 2**30:.2f}" if trial.peak else "-"
        mark = _MARKS["missing"].replace("missing", "failed") if trial.fault else _MARKS["ok"]
        table.add_row(
            trial.model if trial.model != before else "",
            trial.name,
            trial.precision,
            f"{trial.seconds:.2f}",
            memory,
            mark,
        )
        before = trial.model
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)
    for trial in trials:
        if trial.fault:
            print(f"{trial.name} of {trial.model}: {trial.fault}")
