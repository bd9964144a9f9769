"""`swaptalk releases`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from pipelines.cli.options import existing_home, home_option, json_option
from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.evaluation.compare.release_history import HistoryRow


@click.command()
@home_option
@click.option(
    "--use", "wanted", metavar="VERSION", help="Make this release, of which the beginning is enough, the one in use."
)
@click.option("--because", "reason", default="", metavar="TEXT", help="With --use: why. Kept with the time.")
@json_option
def command(home: Path, wanted: str | None, reason: str, as_json: bool) -> None:
    """All releases over time: their figures, what data came and left in between, which models changed, what was refused
    and why.

    `generate` runs on the one in use: the newest, unless you choose another one with --use. Nothing is lost by that:
    every release stays, and can be chosen again. No run puts the one that you left back into use; a later training is
    held against the one in use, and takes its place when it is not worse.

    \b
    swaptalk releases                                       the list, and where its page is
    swaptalk releases --use 3f2a --because "lips blurred"   back to an earlier one
    """
    place = existing_home(home)
    if reason and wanted is None:
        raise UserError("--because goes with --use")
    if wanted is not None:
        from swaptalk_models.inference.release import choose_release

        version = choose_release(place, wanted, reason)
        click.echo(f"in use: {version}", err=as_json)
    from swaptalk_models.evaluation.compare.release_history import history

    rows = history(place)
    if as_json:
        print(json.dumps([_plain(row) for row in rows], indent=1))
        return
    _print(place, rows)


def _print(home: Home, rows: list[HistoryRow]) -> None:
    from pipelines.release_table import print_releases

    if not rows:
        click.echo(f"nothing was released in {home.root} yet")
        return
    from swaptalk_models.reporting.releases import write_releases_page

    print_releases(rows, Console())
    click.echo(f"page: {write_releases_page(home)}")


def _plain(row: HistoryRow) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(row.event) | {"in_use": row.in_use, "there": row.there, "changed": list(row.changed)}
