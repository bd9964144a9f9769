"""`swaptalk phantom`"""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.options import OUTPUT
from swaptalk_models.settings.data import PhantomConfig

_DEFAULT = PhantomConfig()


@click.command()
@click.option(
    "--output", type=OUTPUT, required=True, help="Folder for the videos; the truth goes into truth/ beside them."
)
@click.option(
    "--people",
    type=click.IntRange(1),
    default=_DEFAULT.people,
    show_default=True,
    help="Talking heads, one video each.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=_DEFAULT.seconds,
    show_default=True,
    help="Length of a video.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=_DEFAULT.seed, show_default=True, help="Other people, motion and words."
)
def command(output: Path, people: int, seconds: float, seed: int) -> None:
    """Write the phantom corpus: drawn talking heads with audible speech and exact ground truth.

    They are ordinary mp4 files: `swaptalk run --videos OUTPUT` takes them like any other.
    """
    from swaptalk_models.data.phantom.corpus import write_corpus

    videos = write_corpus(output, people, seconds, seed)
    click.echo(f"{len(videos)} videos in {output}")
