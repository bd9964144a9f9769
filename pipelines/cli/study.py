"""`swaptalk study`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import existing_home, home_option, json_option
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.record import KEY_FILE, PAGE_FILE, QUESTIONS, VOTES_FOLDER
from swaptalk_models.metrics.table import BY_KEY

if TYPE_CHECKING:
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.evaluation.study.outcome import StudyOutcome
    from swaptalk_models.metrics.confidence import Interval


@click.command()
@click.option(
    "--method",
    "methods",
    multiple=True,
    help="Method to be compared; repeatable. By default all that the newest evaluation has.",
)
@click.option(
    "--releases", is_flag=True, help="Compare releases instead of methods: each by its own evaluation's videos."
)
@click.option(
    "--question",
    type=click.Choice(list(QUESTIONS)),
    default="realism",
    show_default=True,
    help="What people are asked.",
)
@click.option("--pairs", default=30, show_default=True, help="Pairs that everybody sees, at most.")
@click.option("--checks", default=6, show_default=True, help="Attention checks among them, of known answer.")
@click.option("--seconds", default=8.0, show_default=True, help="Length of a video, at most.")
@click.option("--seed", default=0, show_default=True, help="Seed of who meets whom, where and on which side.")
@click.option("--beside", is_flag=True, help="Put the videos into a folder beside the page, not into it.")
@click.option(
    "--serve", is_flag=True, help="Serve the study that was made last on this machine, and collect its votes."
)
@click.option("--port", default=3003, show_default=True, help="Port of --serve.")
@click.option(
    "--votes", is_flag=True, help="Read votes: FILES, else all that --serve has collected for the study made last."
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@home_option
@json_option
def command(
    methods: tuple[str, ...],
    releases: bool,
    question: str,
    pairs: int,
    checks: int,
    seconds: float,
    seed: int,
    beside: bool,
    serve: bool,
    port: int,
    votes: bool,
    files: tuple[Path, ...],
    home: Path,
    as_json: bool,
) -> None:
    """Ask people: a blinded page of pairs, and what their votes say.

    Makes one HTML page from the videos of the home's newest evaluation. It names nobody, opens from a file on a desk or a
    phone, and gives its votes as a file to send back; with --serve they are collected. Who meets whom, the scenes and the
    sides are balanced; the key to it, key.json, stays in HOME/studies.

    --votes gives the strength of each contestant (Bradley-Terry) with intervals over raters, how far raters agree, who was
    left out for failing the attention checks, and how each of our metrics ranks the pairs as people do.

    \b
    swaptalk study --method SwapTalk --method Swap-Sync --method "Ground truth"
    swaptalk study --serve
    swaptalk study --votes votes_*.jsonl
    """
    if files and not votes:
        raise UserError(f"{files[0]}: files are read with --votes")
    if serve and votes:
        raise UserError("--serve and --votes: one after the other")
    at = existing_home(home)
    if votes:
        _tell(at, files, as_json)
    elif serve:
        _serve(at, port)
    else:
        _make(at, methods, releases, (question, pairs, checks, seconds, seed, not beside), as_json)


def _make(
    home: Home,
    methods: tuple[str, ...],
    releases: bool,
    plan: tuple[str, int, int, float, int, bool],
    as_json: bool,
) -> None:
    from swaptalk_models.evaluation.study.entries import method_entries, release_entries
    from swaptalk_models.reporting.study_page import StudyPlan, make_study

    if releases and methods:
        raise UserError("--releases and --method: one or the other")
    entries = release_entries(home) if releases else method_entries(home, methods)
    made = make_study(home, entries, StudyPlan(*plan))
    folder = made.value.parent
    found = {
        "study": str(made.value),
        "key": str(folder / KEY_FILE),
        "megabytes": round(made.value.stat().st_size / 2**20, 1),
    }
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"{found['megabytes']} MB{', with the videos in it' if plan[-1] else ''}; whose video is which: {found['key']}"
    )
    print(f"study: {found['study']}")


def _serve(home: Home, port: int) -> None:
    from pipelines.study_server import ADDRESS, study_server
    from swaptalk_models.evaluation.study.record import newest_study

    folder = newest_study(home)
    with study_server(folder, port) as server:
        print(
            f"http://{ADDRESS}:{server.server_address[1]}/  ({folder / PAGE_FILE}; votes: {folder / VOTES_FOLDER}; stop: Ctrl-C)",
            flush=True,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped: votes are kept, read them with `swaptalk study --votes`")


def _tell(home: Home, files: tuple[Path, ...], as_json: bool) -> None:
    from swaptalk_models.evaluation.study.outcome import read_outcome
    from swaptalk_models.evaluation.study.record import newest_study

    if not files:
        folder = newest_study(home)
        files = tuple(sorted((folder / VOTES_FOLDER).glob("*.jsonl")))
        if not files:
            raise UserError(
                f"{folder / VOTES_FOLDER}: no votes in there: name files after --votes, or collect some with --serve"
            )
    outcome = read_outcome(home, files)
    print(json.dumps(outcome.to_json(), indent=1) if as_json else _shown(outcome))


def _shown(outcome: StudyOutcome) -> str:
    lines = [f"study {outcome.study}: {QUESTIONS[outcome.question]}"]
    left_out = "".join(f"\n  left out: {rater[:8]}, {why}" for rater, why in sorted(outcome.left_out.items()))
    lines.append(f"{outcome.votes} votes of {outcome.raters} raters; {len(outcome.left_out)} left out{left_out}")
    for standing in outcome.standings:
        share = "-" if standing.preferred is None else f"{100 * standing.preferred:.0f} %"
        lines.append(f"  {standing.contestant:<28}{_interval(standing.score):<26}{share:>6} of {standing.duels} duels")
    alpha = "-" if outcome.alpha is None else f"{outcome.alpha:.2f}"
    lines.append(f"agreement of raters (Krippendorff's alpha, 1: in all, 0: by chance): {alpha}")
    lines.append("rank correlation of metrics with people, over pairs:")
    lines += [
        f"  {BY_KEY[key].label:<28}{_interval(interval):<26}{interval.videos} pairs"
        for key, interval in outcome.metrics.items()
    ]
    return "\n".join(lines)


def _interval(interval: Interval) -> str:
    ends = f" [{interval.low:.2f}, {interval.high:.2f}]" if interval.low is not None else ""
    return f"{interval.value:.2f}{ends}"
