"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipelines.instance import default_home
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.storage_address import named_storage
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.ablations import ABLATIONS

INPUT_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
INPUT_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OUTPUT = click.Path(path_type=Path)


def home_option(command: Callable) -> Callable:
    """--home, as an absolute path."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        callback=lambda ctx, param, value: value.expanduser().absolute() if value else default_home(),
        help="Folder of all data; else $SWAPTALK_HOME, else ./data.",
    )(command)


def json_option(command: Callable) -> Callable:
    """--json"""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, and nothing else.")(command)


def ablate_option(command: Callable) -> Callable:
    """--ablate, repeatable."""
    return click.option(
        "--ablate",
        multiple=True,
        type=click.Choice(list(ABLATIONS)),
        metavar="WORD",
        help=f"Leave out: {', '.join(ABLATIONS)}; repeatable.",
    )(command)


def existing_home(home: Path) -> Home:
    """The home, which a run must have made.

    Raises:
        UserError: it is not there.
    """
    if not home.is_dir() and named_storage() is None:
        raise UserError(f"no home at {home}: run `swaptalk run --home {home}` first, or name another with --home")
    return open_home(home).create()


def overrides(assignments: tuple[str, ...]) -> dict[str, Any]:
    """("vqgan.train.steps=500", ...) as {"vqgan.train.steps": "500"}; the preset says later whether they fit.

    Raises:
        UserError: no `=` in it.
    """
    found = {}
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if not sign or not name.strip():
            raise UserError(f"--set {assignment!r}: write it as section.field=value, for example vqgan.train.steps=500")
        found[name.strip()] = value.strip()
    return found
