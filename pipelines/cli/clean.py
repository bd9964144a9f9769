"""`swaptalk clean`"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from pipelines.cli.options import existing_home, home_option
from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from pipelines.pruning.policy import Removal
    from swaptalk_models.data.store.home import Home


@click.command()
@home_option
@click.option(
    "--keep",
    type=click.IntRange(1),
    metavar="N",
    help="Remove old releases, evaluations, models, snapshots and runs, too, all but the newest N of each.",
)
@click.option(
    "--days", type=click.FloatRange(0), default=0.0, metavar="D", help="With --keep: nothing younger than D days."
)
@click.option("--yes", is_flag=True, help="Really remove them; without it they are only listed.")
def command(home: Path, keep: int | None, days: float, yes: bool) -> None:
    """Remove the data of videos that have gone: their clips and their rows. With --keep, what is old as well.

    Source videos are never touched, and what a training snapshot names stays readable at that snapshot's version.

    With --keep, the newest N of each stay: releases, evaluations, versions of a model, training snapshots, runs of a
    job; and always what a kept release, the current models, the report or a snapshot tagged by hand is made from.
    Table versions that no snapshot needs go. The job records of `generate` and the history of releases stay.

    \b
    swaptalk clean                              what has gone with its videos
    swaptalk clean --keep 3                     what would go, with sizes
    swaptalk clean --keep 3 --days 30 --yes     remove it
    """
    place = existing_home(home)
    if days and keep is None:
        raise UserError("--days goes with --keep")
    found = _clean_orphans(place, yes)
    if keep is not None:
        found = _prune(place, keep, days, yes) or found
    if not found:
        click.echo("nothing to remove")
    elif not yes:
        click.echo("run with --yes to remove them")


def _clean_orphans(home: Home, yes: bool) -> bool:
    from swaptalk_models.data.stages.orphans import remove_orphans
    from swaptalk_models.data.store.ledger import Ledger

    if yes:
        removed = remove_orphans(home)
    else:
        with Ledger(home.ledger) as ledger:
            removed = Counter(entry.stage for entry in ledger.orphans())
    for stage, count in removed.items():
        click.echo(f"{stage}: {count} {'removed' if yes else 'to remove'}")
    return bool(removed)


def _prune(home: Home, keep: int, days: float, yes: bool) -> bool:
    from pipelines.pruning.policy import Policy
    from pipelines.pruning.prune import plan, prune
    from pipelines.run import quiet_dagster
    from pipelines.tables import print_removals

    policy = Policy(keep, days)
    with quiet_dagster():
        found = plan(home, policy).all
        if found:
            print_removals(found, Console())
        if found and yes:
            removed = prune(home, policy).all
            click.echo(f"removed, {_mib(removed)}")
    return bool(found)


def _mib(removals: list[Removal]) -> str:
    return f"{sum(removal.size for removal in removals) / 2**20:.1f} MiB freed"
