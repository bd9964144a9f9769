"""`swaptalk export`"""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.options import INPUT_FOLDER, home_option


@click.command()
@click.option("--release", type=INPUT_FOLDER, help="A folder that `model_release` made; else the newest of the home.")
@home_option
def command(release: Path | None, home: Path) -> None:
    """A release's networks for OpenVINO, which runs them faster than torch on a CPU that multiplies bfloat16.

    Needs `pip install 'swaptalk[openvino]'`. Writes RELEASE/openvino, held against torch graph by graph; from then on
    `swaptalk generate` takes it on a CPU by itself (`--engine auto`).
    """
    from swaptalk_models.data.store.storage_home import open_home
    from swaptalk_models.inference.engines.export import FOLDER, export_release
    from swaptalk_models.talks.places import chosen_release

    open_home(home)
    folder = release or chosen_release(home)
    found = export_release(folder)
    print(f"{'graph':<14}{'float32 to torch':>20}{'as it runs here':>20}")
    for name, kinds in found.items():
        print(f"{name:<14}{kinds['float32'].decibels:>17.1f} dB{kinds['auto'].decibels:>17.1f} dB")
    click.echo(f"export: {folder / FOLDER}")
