"""Where a talk's networks and records are: a home, or, where there is none, the package and the user's own configuration. Light."""

from __future__ import annotations

import os
from pathlib import Path

from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import SHIPPED


def default_home() -> Path:
    """$SWAPTALK_HOME, else ./data."""
    return Path(os.environ.get("SWAPTALK_HOME") or "data").expanduser().absolute()


def marks_folder(home: Path) -> Path:
    """Where certificate and records of jobs lie: in the home; in the user's own configuration where there is no home."""
    if home.is_dir():
        return home
    import click

    return Path(click.get_app_dir("swaptalk"))


def chosen_release(home: Path) -> Path:
    """The release in use in the home; the shipped weights where the default home has none and was not asked for by name.

    Raises:
        UserError: there is neither.
    """
    from swaptalk_models.data.store.release_log import current_release
    from swaptalk_models.data.store.storage_home import open_home

    place = open_home(home, ask=False)
    try:
        return current_release(place)
    except UserError:
        named = "SWAPTALK_HOME" in os.environ or home != default_home()
        if named or not SHIPPED.is_dir():
            raise
        return SHIPPED
