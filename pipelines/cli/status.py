"""`swaptalk status`"""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from pipelines.cli.options import existing_home, home_option, json_option


@click.command()
@home_option
@json_option
def command(home: Path, as_json: bool) -> None:
    """What there is, and what the last run did.

    Videos, clips and frames; what is in quarantine and why; every model's figures on held-out people; report and
    release.
    """
    from pipelines.status import collect
    from pipelines.tables import print_status

    existing = existing_home(home)
    status = collect(existing)
    if as_json:
        print(json.dumps(status, indent=1))
    else:
        print_status(status, Console())
        if study := existing.state().study:
            from pipelines.run_settings import last_settings

            print(
                f"an ablation study ({', '.join(study)}) is at work here, or was killed and has left models of its own current."
            )
            print(f"Call it again, or bring the home's own back: {last_settings(existing).command()}")
