"""`swaptalk recover`"""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.options import home_option


@click.command()
@home_option
@click.option(
    "--all", "also_unknown", is_flag=True, help="Also runs started by something else, which may still be alive."
)
def command(home: Path, also_unknown: bool) -> None:
    """Free runs and slots that a power cut or a kill left behind.

    Dagster counts such runs as going on for ever, and later ones wait for their slot. Runs whose process lives are
    left alone. Finished work is never lost: run again and it goes on.
    """
    from pipelines.instance import instance_folder, open_instance
    from pipelines.recovery import UNKNOWN, free_dead, left_runs
    from pipelines.run import quiet_dagster
    from swaptalk_models.errors import UserError

    if not instance_folder(home).is_dir():
        raise UserError(f"no Dagster instance at {instance_folder(home)}: nothing was ever run in {home}")
    with quiet_dagster(), open_instance(home) as instance:
        for run in free_dead(instance, also_unknown):
            click.echo(f"freed {run.run_id} ({run.job})")
        left = left_runs(instance)
        for run in left:
            hint = "started by something else; --all frees it" if run.state == UNKNOWN else "alive"
            click.echo(f"left alone {run.run_id} ({run.job}): {hint}")
        if not left:
            click.echo("no run is left behind")
