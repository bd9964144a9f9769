"""`swaptalk ablate`"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipelines.cli.options import OUTPUT, existing_home, home_option, overrides
from swaptalk_models.settings.ablations import ABLATIONS


@click.command(epilog="\b\n" + "\n".join(f"{word:<24}{found.meaning}" for word, found in ABLATIONS.items()))
@click.argument("words", nargs=-1, type=click.Choice(list(ABLATIONS)), metavar="WORD...")
@home_option
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Runs of each, which the spread is taken over.",
)
@click.option("--output", type=OUTPUT, help="Folder for ablations.md and ablations.parquet; else HOME/ablations.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="SECTION.FIELD=VALUE",
    help="For all runs alike, such as a smaller budget; repeatable.",
)
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
def command(
    words: tuple[str, ...], home: Path, seeds: int, output: Path | None, assignments: tuple[str, ...], yes: bool
) -> None:
    """What each part of the design is worth: runs of a home with and without it, and a table of the differences.

    The home's data are used as they are; models, test videos and metrics are made anew for each WORD and seed, and
    kept beside the home's own, which are its current ones again in the end. All of it takes long, can be stopped at any
    time, and goes on where it was when called again.

    \b
    swaptalk ablate no-expert no-warping --home HOME
    swaptalk ablate --home HOME --seeds 1 --set lip_sync.train.minutes=5      all words, a first look
    """
    from pipelines.ablation_study import Study, fitting_words, plan, run_study

    existing_home(home)
    study = Study(home, words or fitting_words(home), seeds, overrides(assignments))
    for line in plan(study):
        print(line, file=sys.stderr)
    if not yes and sys.stdin.isatty():
        click.confirm("Begin?", default=True, abort=True, err=True)
    table = run_study(study, output or home / "ablations", lambda line: print(line, file=sys.stderr))
    print(table.read_text())
    print(f"table: {table}")
