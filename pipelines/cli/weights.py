"""`swaptalk weights`"""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.options import OUTPUT, home_option, overrides
from swaptalk_models.modules.model_folder import SHIPPED

PRESET = "shipped"


@click.command()
@click.option("--output", type=OUTPUT, default=SHIPPED, help="Folder for the weights; else the one inside the package.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Override a setting; repeatable.")
@home_option
def command(output: Path, assignments: tuple[str, ...], home: Path) -> None:
    """Make the weights that come with the package anew: every network, trained on drawn people alone.

    About two hours on one core; may be broken off and called again. What `make weights` calls, with a home of its own.
    """
    from pipelines.cli.run import make_everything
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.inference.shipped import pack
    from swaptalk_models.settings.preset import load_preset

    chosen = overrides(assignments)
    make_everything(home, PRESET, values=chosen)
    settings = pack(Home(home), load_preset(PRESET, chosen), output)
    print(f"weights: {output} ({len(settings['files'])} files)")
