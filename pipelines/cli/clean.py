"""`swaptalk clean`"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from pipelines.cli.options import existing_home, home_option


@click.command()
@home_option
@click.option("--yes", is_flag=True, help="Really remove them; without it they are only counted.")
def command(home: Path, yes: bool) -> None:
    """Remove the data of videos that have gone: their clips and their rows.

    Source videos are never touched, and what a training snapshot names stays readable at that snapshot's version.
    """
    from swaptalk_models.data.stages.orphans import remove_orphans
    from swaptalk_models.data.store.ledger import Ledger

    place = existing_home(home)
    if yes:
        removed = remove_orphans(place)
    else:
        with Ledger(place.ledger) as ledger:
            removed = Counter(entry.stage for entry in ledger.orphans())
    for stage, count in removed.items():
        click.echo(f"{stage}: {count} {'removed' if yes else 'to remove'}")
    if not removed:
        click.echo("nothing to remove")
    elif not yes:
        click.echo("run with --yes to remove them")
