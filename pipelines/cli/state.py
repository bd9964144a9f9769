"""`swaptalk state`"""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipelines.cli.options import existing_home, home_option
from swaptalk_models.data.store.storage_address import storage_of
from swaptalk_models.errors import UserError


@click.command()
@home_option
@click.option(
    "--move-to", type=click.Choice(["postgres", "sqlite"]), help="Move the ledger there, whole or not at all."
)
@click.option("--own-copy", is_flag=True, help="Give a copied home a ledger of its own, as the other's is now.")
@click.option("--take-over", is_flag=True, help="Make this folder the ledger's home: the other is gone for good.")
def command(home: Path, move_to: str | None, own_copy: bool, take_over: bool) -> None:
    """Where a home's state is kept: ledger, locks and Dagster's events.

    In the home, as SQLite, unless SWAPTALK_STATE names a Postgres database. Several homes may share one. Its address with the password
    is the environment's alone; the home notes only the name of its schema.

    \b
    export SWAPTALK_STATE=postgresql://user:password@host:5432/database
    swaptalk state                        where it is, and of which version
    swaptalk state --move-to postgres     from a home that was made without
    swaptalk state --move-to sqlite       and back
    """
    from pipelines.checkup import MISSING, state_findings

    if sum((move_to is not None, own_copy, take_over)) > 1:
        raise UserError("give one of --move-to, --own-copy and --take-over")
    place = existing_home(home)
    if move_to or own_copy or take_over:
        if storage := storage_of(home):
            raise UserError(f"{home}: lies on {storage.address}: `swaptalk storage --move-to home --home {home}` first")
        from pipelines.pruning.prune import WRITERS
        from swaptalk_models.data.store import ledger_move as move

        if move_to == "postgres":
            count = move.move_to_postgres(place, WRITERS)
            click.echo(
                f"{count} entries are in Postgres now; {place.ledger.name}.moved is the file of before. Dagster's history stays in "
                f"{home / 'dagster'} and begins anew: the next run enters all assets again"
            )
        elif move_to == "sqlite":
            count = move.move_to_sqlite(place, WRITERS)
            click.echo(
                f"{count} entries are in {place.ledger} now: unset SWAPTALK_STATE. Dagster goes on with its history in the home"
            )
            os.environ.pop("SWAPTALK_STATE", None)
        elif own_copy:
            click.echo(f"{home} has a ledger of its own now, a copy of that in {move.make_own_copy(place)}")
        else:
            move.take_over(place)
            click.echo(f"{home} is the ledger's home now")
    findings = state_findings(home)
    for finding in findings:
        click.echo(finding.said)
    if any(finding.mark == MISSING for finding in findings):
        raise UserError("the state's database cannot be used, see above")
