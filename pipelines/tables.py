"""Tables for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

QUARANTINE_SHOWN = 5


def print_stages(
    stages: Mapping[str, Mapping[str, Any]], quarantine: list[Mapping[str, str]], console: Console
) -> None:
    """What was computed, cached and quarantined in a run, and the first few reasons."""
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    for name in ("computed", "cached", "quarantined", "seconds"):
        table.add_column(name, justify="right")
    for name, counts in stages.items():
        numbers = [str(counts[key]) for key in ("computed", "cached", "quarantined")]
        table.add_row(name, *numbers, f"{counts['seconds']:.1f}")
    console.print(table)
    print_quarantine(quarantine, console)


def print_quarantine(quarantine: list[Mapping[str, str]], console: Console) -> None:
    for entry in quarantine[:QUARANTINE_SHOWN]:
        console.print(
            f"quarantined {entry['clip']} ({entry['stage']}): {entry['reason']}", soft_wrap=True, markup=False
        )
    if len(quarantine) > QUARANTINE_SHOWN:
        console.print(f"... and {len(quarantine) - QUARANTINE_SHOWN} more: swaptalk status --json")


def print_marked(marked: list[Mapping[str, Any]], console: Console) -> None:
    for entry in marked[:QUARANTINE_SHOWN]:
        console.print(f"marked {entry['clip']}: {entry['reason']}", soft_wrap=True, markup=False)
    if len(marked) > QUARANTINE_SHOWN:
        console.print(f"... and {len(marked) - QUARANTINE_SHOWN} more: swaptalk status --json")


def print_data(data: Mapping[str, Mapping[str, Any]], snapshots: Mapping[str, Any], console: Console) -> None:
    """Where the data of every stage lie, and how much they are."""
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for name in ("stage", "clips", "rows", "MiB", "in"):
        table.add_column(name, justify="left" if name in ("stage", "in") else "right", overflow="fold")
    for name, found in data.items():
        where = found["path"] or "the videos' own places"
        table.add_row(name, str(found["clips"]), str(found["rows"]), f"{found['bytes'] / 2**20:.1f}", where)
    console.print(table)
    if snapshots["current"]:
        console.print(
            f"training snapshot {snapshots['current']}, {len(snapshots['versions'])} kept in all", highlight=False
        )


def print_precheck(findings: Sequence[Mapping[str, str]], console: Console) -> None:
    """Whether there is enough of what a run needs, and what follows where there is not."""
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for name in ("before the run", "there", "enough?"):
        table.add_column(name, no_wrap=True)
    for found in findings:
        table.add_row(found["what"], found["there"], found["verdict"] or "-")
    console.print(table)
    for found in findings:
        if found["follows"]:
            console.print(f"{found['what']}: {found['follows']}", markup=False, highlight=False)


def print_failure(failed: Mapping[str, Any], home: str, console: Console) -> None:
    """Why the last run failed, and what to do."""
    when = datetime.fromtimestamp(failed["at"]).astimezone().strftime("%Y-%m-%d %H:%M")
    said = [f"the last run FAILED in {failed['stage']} ({when}): {failed['reason']}"]
    if failed["ours"]:
        said.append(f"a fault of the program: the whole log is in the UI, `swaptalk dev --home {home}`")
    said.append(f"what was finished is kept; once mended, `swaptalk run --home {home}` goes on from there")
    for line in said:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print()


def print_status(status: Mapping[str, Any], console: Console) -> None:
    """Everything `swaptalk status --json` says, for reading."""
    videos, clips = status["videos"], status["clips"]
    if status["failed"]:
        print_failure(status["failed"], status["home"], console)
    lines = [
        f"home     {status['home']}",
        f"preset   {status['preset'] or '-'}",
        f"videos   {videos['ok']} ok, {videos['quarantined']} quarantined, {videos['total']} in all",
        f"clips    {clips['ok']} ok, {clips['quarantined']} quarantined, {clips['total']} in all, {len(status['marked'])} of them marked",
        f"frames   {status['frames']}",
        f"report   {status['report'] or '-'}",
        f"release  {status['release'] or '-'}",
    ]
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    for stage, count in status["orphans"].items():
        console.print(f"orphans  {count} in {stage}: `swaptalk clean` removes them", highlight=False)
    console.print()
    if lacking := [found for found in status["precheck"] if found["verdict"] not in ("", "enough")]:
        print_precheck(lacking, console)
    if status["data"]:
        console.print("what is where", highlight=False)
        print_data(status["data"], status["snapshots"], console)
    if status["stages"]:
        console.print("last run", highlight=False)
        print_stages(status["stages"], status["quarantine"], console)
    print_marked(status["marked"], console)
    if status["models"]:
        print_models(status["models"], console)


def print_models(models: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    """A row a figure on held-out people, beside it the trivial baseline and what is wanted."""
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for name in ("model", "on held-out people", "figure", "baseline", "wanted"):
        table.add_column(name, justify="right" if name in ("figure", "baseline") else "left", no_wrap=name != "wanted")
    for name, model in models.items():
        rows = [(metric, value) for metric, value in model["metrics"].items() if isinstance(value, (int, float))]
        for number, (metric, value) in enumerate(rows):
            baseline = model["baselines"].get(metric)
            table.add_row(
                name if number == 0 else f"  {model['step']} steps" if number == 1 else "",
                metric,
                f"{value:.3g}",
                "" if baseline is None else f"{baseline:.3g}",
                model["wanted"].get(metric, ""),
            )
        if "kept" in model:
            table.add_row("", Text(model["kept"], overflow="fold"))
    console.print(table)
