"""`swaptalk dev`"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from pipelines.cli.options import home_option


@click.command()
@home_option
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of the UI.")
def command(home: Path, port: int) -> None:
    """The Dagster UI over a home: its graph, runs, logs, pictures, checks; schedules and sensors work while it runs.

    Runs are started in the launchpad, or by `swaptalk run`, which writes into the same instance. Ctrl-C ends it; a run
    that is at work then goes on, see `swaptalk recover` for those that a power cut leaves behind.

    \b
    swaptalk dev                               over $SWAPTALK_HOME, else ./data
    swaptalk dev --home ~/talks-home --port 3001
    """
    folder, arguments, environment = prepare_dev(home, port)
    print(f"home: {home}   Dagster instance: {folder}   http://localhost:{port}", flush=True)
    os.chdir(folder)  # Dagster takes relative paths of its settings from here
    os.execve(arguments[0], arguments, environment)


def prepare_dev(home: Path, port: int) -> tuple[Path, list[str], dict[str, str]]:
    """Make the instance ready. Returns its folder, and arguments and environment of the server that is to work there.

    Raises:
        UserError: the folder cannot be made.
    """
    from assets.support.own_packages import own_environment
    from pipelines.instance import EVENTS_IN_BATCHES, instance_folder, prepare, workspace_file
    from swaptalk_models.data.store.home import Home

    Home(home).create()
    folder = prepare(instance_folder(home))
    server = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace_file(folder)), "-p", str(port)]
    places = {"SWAPTALK_HOME": str(home), "DAGSTER_HOME": str(folder)}
    return folder, server, EVENTS_IN_BATCHES | own_environment() | places
