"""`swaptalk bench`"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from pipelines.bench import BENCHES, measure
from pipelines.cli.options import home_option, json_option
from swaptalk_models.errors import UserError


@click.command(epilog="\b\n" + "\n".join(f"{name:<15}{what}" for name, (_, what) in BENCHES.items()))
@click.argument("name", required=False, type=click.Choice(list(BENCHES)))
@home_option
@click.option(
    "--clips",
    "sizes",
    type=click.IntRange(1),
    multiple=True,
    help="So many clips, in nothing-to-do and add-one (repeatable: homes of these sizes) and in ray.",
)
@json_option
def command(name: str | None, home: Path, sizes: tuple[int, ...], as_json: bool) -> None:
    """Our standard speed figures: all of them, or the one called NAME.

    Compare ratios within one run, not seconds between machines. Those that need a trained home say so and are left
    out when all are asked. Homes that a bench makes keep their state where SWAPTALK_STATE says.

    \b
    swaptalk bench nothing-to-do --clips 10 --clips 100000
    """
    results = {}
    for bench in [name] if name else BENCHES:
        with tempfile.TemporaryDirectory(prefix="swaptalk-bench-") as folder:
            try:
                results[bench] = measure(bench, Path(folder), home, sizes)
            except UserError as error:
                if name:
                    raise
                click.echo(f"{bench}: left out: {error}", err=True)
                continue
        if not as_json:
            print(bench)
            for key, value in results[bench].items():
                print(f"  {key:<36}{value if isinstance(value, str) else f'{value:,.3f}':>24}")
    if as_json:
        print(json.dumps(results, indent=1))
