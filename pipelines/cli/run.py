"""`swaptalk run`"""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pipelines.cli.options import INPUT_FOLDER, ablate_option, home_option, json_option, overrides
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import COMPUTE
from swaptalk_models.settings.preset import PRESETS

IN_THE_HOME = Path("-")
"""`--hdtf` without a folder: its annotation files are fetched into the home."""


@click.command()
@click.option(
    "--preset",
    default="",
    help=f"{', '.join(PRESETS)}, or the path of a YAML file; else that of the home's last run, tiny in a new one.",
)
@click.option("--videos", type=INPUT_FOLDER, help="A folder of talking-head videos, any names, sub-folders too.")
@click.option(
    "--hdtf",
    type=click.Path(file_okay=False, path_type=Path),
    is_flag=False,
    flag_value=IN_THE_HOME,
    help="HDTF: downloads what it can. A folder with its annotation files; they are fetched into a new or empty one, or into the home.",
)
@home_option
@click.option("--until", default="", metavar="ASSET", help="Only this asset and all that it is made from.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="SECTION.FIELD=VALUE",
    help="Another value than the preset's; repeatable. Without any: those of the home's last run.",
)
@click.option(
    "--change",
    is_flag=True,
    help="Let another source or preset replace the home's; without --set, back to the preset's own values.",
)
@ablate_option
@click.option(
    "--compute",
    type=click.Choice(COMPUTE),
    help="Where the data stages are done: worker processes of this machine, or tasks of a Ray cluster; else as in the last run.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only say what the preset costs: shapes, sizes, memory of every pass. Needs no GPU and no data.",
)
@click.option(
    "--measure",
    is_flag=True,
    help="With --dry-run: go through every pass, as large as fits this machine, and compare. Takes minutes.",
)
@json_option
def command(
    preset: str,
    videos: Path | None,
    hdtf: Path | None,
    home: Path,
    until: str,
    assignments: tuple[str, ...],
    change: bool,
    ablate: tuple[str, ...],
    compute: str | None,
    dry_run: bool,
    measure: bool,
    as_json: bool,
) -> None:
    """Make everything, through Dagster: data, models, report, release.

    Does what is new or stale and nothing else, so run it again at any time: after adding videos, after changing a
    setting, after a kill. What is not said is as in the home's last run. One bad video never stops a run; it is quarantined, with a reason. The run, its logs and
    its pictures are in the UI (`swaptalk dev`).

    \b
    swaptalk run                                          drawn people, nothing to download
    swaptalk run --videos ~/talks --home ~/talks-home     your own videos
    swaptalk run --hdtf --set download.parallel=4         all of HDTF that is still there
    swaptalk run --until face_crops                       the data only
    swaptalk run --set vqgan.train.steps=3000             another training budget
    swaptalk run --ablate no-warping                      one part of the design left out
    swaptalk run --compute ray                            on the cluster that $RAY_ADDRESS names
    swaptalk run --preset paper --dry-run                 what would it cost?
    swaptalk run --preset nano --change                   this home's videos at another size
    """
    values = overrides(assignments) | ({"ablate": list(ablate)} if ablate else {})
    if dry_run:
        from pipelines.dry_run import print_dry_run
        from swaptalk_models.data.store.asked import settle
        from swaptalk_models.data.store.home import Home
        from swaptalk_models.data.store.storage_address import storage_of
        from swaptalk_models.data.store.storage_home import open_home

        # A storage that this folder has not joined is not begun by a dry run.
        where, place = _source(home, videos, hdtf), open_home(home) if storage_of(home) else Home(home)
        asked = settle(place, preset, overrides=values, change=bool(preset or any(where.values())), **where)
        print_dry_run(place, asked, as_json, measure)
        return
    if measure:
        raise UserError("--measure goes with --dry-run")
    if as_json:
        raise UserError("--json goes with --dry-run; what a run has made says `swaptalk status --json`")
    finish(make_everything(home, preset, videos, hdtf, until, values, change, compute or ""))


def make_everything(
    home: Path,
    preset: str,
    videos: Path | None = None,
    hdtf: Path | None = None,
    until: str = "",
    values: dict[str, Any] | None = None,
    change: bool = False,
    compute: str = "",
) -> dict[str, Any]:
    """Run the graph and print the table of its stages. Returns the home's status."""
    from pipelines.instance import instance_folder
    from pipelines.run import StageFailed, run_graph
    from pipelines.run_settings import Settings, settled
    from pipelines.status import collect
    from pipelines.tables import print_marked, print_precheck, print_stages
    from swaptalk_models.data.store.asked import source_text
    from swaptalk_models.data.store.storage_home import open_home

    started = time.monotonic()
    where, place = _source(home, videos, hdtf), open_home(home, begin=True)
    asked = Settings(home, preset, until=until, overrides=values or {}, change=change, compute=compute, **where)
    settings = settled(asked)
    print(
        f"home {home}, preset {settings.preset}, {source_text(settings.videos, settings.hdtf)}, "
        f"Dagster instance {instance_folder(home)}",
        file=sys.stderr,
    )
    try:
        run_graph(settings, known=lambda findings: print_precheck([*map(asdict, findings)], Console()))
    except StageFailed as error:
        print(error.details, file=sys.stderr)
        print(f"swaptalk: {error}", file=sys.stderr)
        print(f"swaptalk: the whole log is in the UI: swaptalk dev --home {home}", file=sys.stderr)
        sys.exit(1)
    status = collect(place)
    print_stages(status["stages"], status["quarantine"], Console())
    print_marked(status["marked"], Console())
    print(f"done in {time.monotonic() - started:.1f} s")
    return status


def _source(home: Path, videos: Path | None, hdtf: Path | None) -> dict[str, str]:
    """Absolute folders, empty where none was named."""
    from swaptalk_models.data.store.home import Home

    if videos and hdtf:
        raise UserError("give either --videos or --hdtf, not both")
    hdtf = Home(home).annotations if hdtf == IN_THE_HOME else hdtf
    return {"videos": str(videos.absolute()) if videos else "", "hdtf": str(hdtf.absolute()) if hdtf else ""}


def finish(status: dict[str, Any]) -> None:
    """The last lines: what has come of it, and what can be done with it."""
    home = shlex.quote(status["home"])
    if status["report"] and "evaluation_report" in status["stages"]:
        print(f"report: {status['report']}")
    if status["release"] and "model_release" in status["stages"]:
        print(f"release: {status['release']}")
        print(
            f"next: swaptalk generate --home {home} --source FACE.png --target HEAD.mp4 --audio VOICE.wav --output OUT.mp4"
        )
    elif "model_release" not in status["stages"]:
        print(f"next: swaptalk run --home {home} makes the rest; swaptalk status --home {home} says what there is")
