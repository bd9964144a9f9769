"""`swaptalk evaluate`"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from pipelines.cli.options import INPUT_FILE, INPUT_FOLDER, home_option, json_option
from swaptalk_models.errors import UserError


@click.command()
@click.option("--generated", type=INPUT_FILE, required=True, help="The video to measure, of any method.")
@click.option("--target", type=INPUT_FILE, required=True, help="The video it was made from.")
@click.option("--source", type=INPUT_FILE, help="Picture of the face it should show.")
@click.option("--audio", type=INPUT_FILE, help="The sound its lips should follow; else the video's own.")
@click.option("--gallery", type=INPUT_FOLDER, help="A folder of pictures, one a person, to retrieve the source among.")
@home_option
@json_option
def command(
    generated: Path,
    target: Path,
    source: Path | None,
    audio: Path | None,
    gallery: Path | None,
    home: Path,
    as_json: bool,
) -> None:
    """Measure a talking-face video, of any method, at any resolution.

    All metrics that the inputs allow; the others are null. Every result names its judges: numbers of different judges
    do not compare. The judge of lip-sync is the home's sync_judge; without one, its metrics are null.
    """
    from swaptalk_models.metrics.evaluate import evaluate_video

    result = evaluate_video(generated, target, source, audio, gallery, _judges(home))
    if as_json:
        print(json.dumps({key: result[key] for key in ("frames", "excluded", "metrics", "judges")}, indent=1))
    else:
        _print(result)


def _judges(home: Path):
    """dlib for identity; the home's judge of lip-sync, if it has one."""
    from swaptalk_models.metrics.judges import Judges
    from swaptalk_models.modules.sync_judge import load_sync_judge
    from swaptalk_models.training.spec import current

    try:
        folder = current(home, "sync_judge")
    except UserError:
        print(f"no sync_judge in {home}: lse_c, lse_d and av_offset are null", file=sys.stderr)
        return Judges.default()
    return Judges.default(sync=load_sync_judge(folder.path))


def _print(result: dict[str, Any]) -> None:
    excluded = ", ".join(f"{count} {reason}" for reason, count in result["excluded"].items() if count)
    print(f"{result['frames']} frames" + (f"; left out: {excluded}" if excluded else ""))
    for name, value in result["metrics"].items():
        print(f"  {name:<15}{'-' if value is None else f'{value:10.4f}':>10}")
    for role, judge in result["judges"].items():
        print(f"  judge of {role}: {judge or '-'}")
