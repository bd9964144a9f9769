"""`swaptalk storage`"""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipelines.cli.options import home_option
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.storage_address import VARIABLE, named_storage, parsed
from swaptalk_models.errors import UserError


@click.command()
@home_option
@click.option("--move-to", type=click.Choice(["s3", "home"]), help="Move tables and files there, whole or not at all.")
@click.option("--to", "address", metavar="ADDRESS", help=f"s3://bucket/prefix to move to; else ${VARIABLE}.")
@click.option(
    "--take-over", is_flag=True, help="Make this folder the one that holds the ledger: the other is gone for good."
)
def command(home: Path, move_to: str | None, address: str | None, take_over: bool) -> None:
    """Where a home's tables and files are kept.

    In its folder, unless SWAPTALK_STORAGE, or the home itself, names a prefix of S3-compatible storage: then the folder is this host's
    scratch. Keys are the environment's alone (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION).

    \b
    export SWAPTALK_STORAGE=s3://bucket/prefix
    swaptalk storage                        where it is, and whether it can be used
    swaptalk storage --move-to s3           from a home that was made without
    swaptalk storage --move-to home         and back; then unset the variable
    """
    from pipelines.checkup import MISSING, storage_findings

    if move_to and take_over:
        raise UserError("give one of --move-to and --take-over")
    if address and move_to != "s3":
        raise UserError("--to goes with --move-to s3")
    if not home.is_dir():
        raise UserError(f"no home at {home}: run `swaptalk run --home {home}` first, or name another with --home")
    if move_to:
        _move(Home(home), move_to, address)
    elif take_over:
        from swaptalk_models.data.store.storage_home import take_over as taken_over

        taken_over(Home(home))
        click.echo(f"{home} holds the ledger now")
    findings = storage_findings(home)
    for finding in findings:
        click.echo(finding.said)
    if any(finding.mark == MISSING for finding in findings):
        raise UserError("the storage cannot be used, see above")


def _move(place: Home, to: str, address: str | None) -> None:
    from pipelines.pruning.prune import WRITERS
    from swaptalk_models.data.store import storage_move

    if to == "home":
        count, size = storage_move.move_home(place.create(), WRITERS)
        click.echo(
            f"{count} files, {size / 1e6:.1f} MB, are in {place.root} now: unset {VARIABLE}. What is on the storage is yours to remove"
        )
        os.environ.pop(VARIABLE, None)
        return
    storage = parsed(address, "--to") if address else named_storage()
    if storage is None:
        raise UserError(f"say where to: --to s3://bucket/prefix, or set {VARIABLE}")
    count, size = storage_move.move_to_storage(place.create(), storage, WRITERS)
    click.echo(
        f"{count} files, {size / 1e6:.1f} MB, are on {storage.address} now; {place.root / storage_move.MOVED} holds the tables of before"
    )
