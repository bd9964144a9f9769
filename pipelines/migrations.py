"""Dagster's storages hold their version against the newest one each time they are opened, and alembic reads a hundred scripts to know that one:
a tenth of a second for each of three storages, at every look of a sensor. The scripts are part of a package, so once a process is enough.
"""

from __future__ import annotations

from typing import ClassVar

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage import sql


class _ReadOnce:
    """Stands for alembic's ``ScriptDirectory`` where Dagster asks for the newest version."""

    known: ClassVar[dict[str | None, ScriptDirectory]] = {}

    @classmethod
    def from_config(cls, config: Config) -> ScriptDirectory:
        folder = config.get_main_option("script_location")
        if folder not in cls.known:
            cls.known[folder] = ScriptDirectory.from_config(config)
        return cls.known[folder]


def read_migrations_once() -> None:
    """From now on, in this process."""
    sql.ScriptDirectory = _ReadOnce
