"""`swaptalk batch`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import INPUT_FILE, INPUT_FOLDER, home_option

if TYPE_CHECKING:
    from swaptalk_models.talks.queue import Entry

EXIT = {"done": 0, "done before": 0, "refused": 2, "cancelled": 2, "failed": 1}


@click.command()
@click.argument("jobs", type=INPUT_FILE, required=False)
@click.option("--release", type=INPUT_FOLDER, help="A folder that `model_release` made; else the newest of the home.")
@click.option(
    "--cancel", metavar="ID", help="Take a talk out of the queue, or end the work on it; the start of its ID."
)
@click.option("--again", is_flag=True, help="Make talks of JOBS after all that were cancelled.")
@home_option
def command(jobs: Path | None, release: Path | None, cancel: str | None, again: bool, home: Path) -> None:
    """Make the many talks of the file JOBS, one after the other; without JOBS, list those that the home knows.

    JOBS is YAML, a list of talks, or JSON lines (.jsonl), a talk a line, with the names of the options of
    `swaptalk generate`: source, target, audio, output; face, source_face, detail, label, consent, unmarked. Relative paths are
    taken from its own folder.

    The networks are loaded once. Each talk is a Dagster run of the job `talk`, which the UI shows with its lineage. A
    bad one stops no other. Called again, it makes what is not done yet: what failed is tried again, what was
    interrupted goes on, what is there is found by the content of its files. In a second terminal the same command shares
    the work.

    \b
    - {source: anna.jpg, target: ben.mp4, audio: carla.wav, output: one.mp4, consent: "Anna and Carla, 3 May"}
    - {source: anna.jpg, target: ben.mp4, audio: dora.wav, output: two.mp4, face: 2}

    \b
    Exit codes: 0 all are there; 2 some were refused or cancelled, and why is in the table; 1 some failed
    """
    from swaptalk_models.data.store.storage_home import open_home
    from swaptalk_models.talks.job_file import read_talks
    from swaptalk_models.talks.places import chosen_release
    from swaptalk_models.talks.queue import TalkQueue

    queue = TalkQueue(home)
    if cancel is not None:
        entry = queue.find(cancel)
        done = queue.cancel(entry)
        click.echo(f"{entry.id}: {'cancelled' if done else f'is {entry.state} already'} ({entry.talk.output})")
        return
    if jobs is None:
        _print([(entry.id, entry.talk.output, entry.state, entry.reason or "") for entry in queue.entries()])
        return
    from pipelines.talks_run import run_talks

    open_home(home)
    folder = release or chosen_release(home)
    talks = read_talks(jobs)

    def told(entry: Entry, state: str) -> None:
        if state != "running":
            said = f": {entry.reason}" if entry.reason else ""
            click.echo(f"{Path(entry.talk.output).name}: {state}{said}", err=True)

    try:
        rows = run_talks(home, talks, folder.absolute(), jobs.name, again, told)
    except KeyboardInterrupt:
        click.echo("swaptalk: interrupted: what is finished is kept; the same command goes on from there", err=True)
        sys.exit(130)
    _print([(Path(name).name, state, reason) for name, state, reason in rows])
    sys.exit(max((EXIT.get(state, 1) for _, state, _ in rows), key=lambda code: (code == 1, code)))


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(rows[0]) if rows else 0)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    states = [row[-2] for row in rows]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    click.echo(f"{len(rows)} talks{': ' if counts else ''}{counts}")
