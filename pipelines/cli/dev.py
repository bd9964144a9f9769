"""`swaptalk dev`"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from pipelines.cli.options import home_option


@click.command()
@home_option
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of the UI.")
@click.option(
    "--report-port",
    type=click.IntRange(1, 65535),
    help="Of the evaluation reports that assets link to; else the home's last one, at first 3001, or the UI's + 1 where that is taken.",
)
@click.option(
    "--studio-port",
    type=click.IntRange(1, 65535),
    help="Of the studio beside it; else 3002, or the next that is free.",
)
def command(home: Path, port: int, report_port: int | None, studio_port: int | None) -> None:
    """The Dagster UI over a home: its graph, runs, logs, pictures, checks, reports, and the studio beside it; schedules and sensors work
    while it runs. Only this machine can reach it.

    Runs are started in the launchpad, or by `swaptalk run`, which writes into the same instance. Ctrl-C ends it; a run
    that is at work then goes on, see `swaptalk recover` for those that a power cut leaves behind.

    \b
    swaptalk dev                               over $SWAPTALK_HOME, else ./data
    swaptalk dev --home ~/talks-home --port 3001
    """
    folder, arguments, environment = prepare_dev(home, port)
    reports = serve_reports(home, report_port, port)
    studio = serve_studio(home, studio_port, port, reports)
    print(
        f"home: {home}   Dagster instance: {folder}   http://localhost:{port}   reports: {reports}   studio: {studio}",
        flush=True,
    )
    os.chdir(folder)  # Dagster takes relative paths of its settings from here
    os.execve(arguments[0], arguments, environment)


def prepare_dev(home: Path, port: int) -> tuple[Path, list[str], dict[str, str]]:
    """Make the instance ready. Returns its folder, and arguments and environment of the server that is to work there.

    Raises:
        UserError: the folder cannot be made.
    """
    from assets.support.own_packages import own_environment
    from pipelines.instance import EVENTS_IN_BATCHES, open_instance, prepare, workspace_file
    from pipelines.recovery import free_dead
    from pipelines.run import quiet_dagster
    from swaptalk_models.data.store.storage_home import open_home

    open_home(home, begin=True).create()
    folder = prepare(home)
    with quiet_dagster(), open_instance(home) as instance:
        free_dead(instance)  # what a power cut left behind would keep its slot
    # `dg dev` wants a project of its own layout; `dagster dev` says at each start that there is the other.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    server = [sys.executable, *quiet, "-m", "dagster", "dev", "-w", str(workspace_file(folder)), "-p", str(port)]
    places = {"SWAPTALK_HOME": str(home), "DAGSTER_HOME": str(folder)}
    return folder, server, EVENTS_IN_BATCHES | own_environment() | places


def serve_reports(home: Path, port: int | None, ui_port: int) -> str:
    """Start the server of the home's reports, which ends with this process. Returns its address.

    Raises:
        UserError: the port is taken.
    """
    from assets.support.own_packages import own_environment
    from assets.support.report_address import FIRST_REPORT_PORT
    from pipelines.report_server import ADDRESS, port_is_free
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.errors import UserError

    home_of = Home(home)
    first = FIRST_REPORT_PORT  # where links lead that were made before anybody served them
    usual = first if first != ui_port and port_is_free(first) else ui_port + 1
    chosen = port or home_of.state().report_port or usual
    if not port_is_free(chosen):
        raise UserError(
            f"port {chosen}, where this home's reports are served, is taken: choose another with --report-port"
        )
    if home_of.state().report_port != chosen:
        home_of.update_state(report_port=chosen)
    subprocess.Popen(
        [
            *(sys.executable, "-m", "pipelines.report_server", str(home_of.evaluation), str(chosen)),
            *("--parent", str(os.getpid())),  # the UI takes this process's place
        ],
        env=os.environ | own_environment(),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is the UI's; when that has ended, so does this
    )
    return f"http://{ADDRESS}:{chosen}"


def serve_studio(home: Path, port: int | None, ui_port: int, reports: str) -> str:
    """Start the studio of the home, which ends with this process. Returns its address.

    Raises:
        UserError: the port is taken.
    """
    from assets.support.own_packages import own_environment
    from pipelines.report_server import port_is_free
    from pipelines.studio.serve import ADDRESS, PORT
    from swaptalk_models.errors import UserError

    if port is not None and not port_is_free(port):
        raise UserError(f"port {port} is taken: choose another with --studio-port")
    taken = (ui_port, int(reports.rpartition(":")[2]))
    chosen = port or next(one for one in range(PORT, 65536) if one not in taken and port_is_free(one))
    subprocess.Popen(
        [
            *(sys.executable, "-m", "pipelines.studio.serve", str(home), str(chosen)),
            *("--parent", str(os.getpid()), "--dagster", f"http://localhost:{ui_port}"),
        ],
        env=os.environ | own_environment(),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # as the reports
    )
    return f"http://{ADDRESS}:{chosen}"
