"""Releases over time, for people at a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from swaptalk_models.evaluation.compare.release_history import HistoryRow
    from swaptalk_models.metrics.confidence import Interval

_FIGURES = 3
"""Of a release, in its row; the page has all."""


def print_releases(rows: Sequence[HistoryRow], console: Console) -> None:
    """A row a release with its first key figures, and under them what each was made from and why it was refused or chosen."""
    from swaptalk_models.metrics.table import BY_KEY
    from swaptalk_models.reporting.releases import cell, data_text, shown_figures, what_happened, when

    columns = shown_figures(rows)[:_FIGURES]
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for name in ("when", "release", "what"):
        table.add_column(name, no_wrap=name != "what", overflow="fold")
    for setting, metric in columns:
        table.add_column(f"{BY_KEY[metric].label} {BY_KEY[metric].arrow}\n{setting}", justify="right", overflow="fold")
    for row in rows:
        version = row.event.version[:8] + (" *" if row.in_use else "")
        figures = [_written(metric, cell(row.event, setting, metric)) for setting, metric in columns]
        table.add_row(when(row.event), version, what_happened(row), *figures)
    console.print(table)
    console.print("* in use\n", highlight=False)
    for row in rows:
        parts = [
            data_text(row.event.data),
            f"other networks: {', '.join(row.changed)}" if row.changed else "",
            row.event.reason,
        ]
        if any(parts):
            said = "; ".join(part for part in parts if part)
            console.print(f"{row.event.version[:8]} {said}", soft_wrap=True, markup=False, highlight=False)


def _written(metric: str, found: Interval | None) -> str:
    from swaptalk_models.metrics.table import BY_KEY

    if found is None:
        return "–"
    write = BY_KEY[metric].write
    return write(found.value) + (f"\n{write(found.low)}…{write(found.high)}" if found.low is not None else "")
