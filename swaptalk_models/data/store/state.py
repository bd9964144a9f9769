"""What a home remembers of its last run, kept as HOME/state.json. Light: read by `swaptalk status` and by Dagster's
sensors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swaptalk_models.errors import UserError


@dataclass(frozen=True)
class HomeState:
    """What was asked for last, and what came of it."""

    preset: str | None = None
    """Name of a preset, or path of its file; None: nothing was ever run."""
    videos: str = ""
    """Folder of source videos; empty: none was given."""
    hdtf: str = ""
    """Folder of HDTF's annotation files; empty: none was given."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """{"section.field": value} that differ from the preset."""
    report: str | None = None
    """File of the newest evaluation report."""
    release: str | None = None
    """Folder of the newest release."""
    study: tuple[str, ...] = ()
    """Ablations of a study that is at work, or was killed and has left models of its own current."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """What another version of the code has written: kept as it is."""

    def as_json(self) -> dict[str, Any]:
        """The file's content: one level, without what is None."""
        own = {name: getattr(self, name) for name in _FIELDS}
        return {name: value for name, value in own.items() if value is not None} | dict(self.others)


_FIELDS = tuple(f.name for f in dataclasses.fields(HomeState) if f.name != "others")
_KINDS: dict[str, type] = {name: str for name in _FIELDS} | {"overrides": dict, "study": list}


def read_state(path: Path) -> HomeState:
    """The record in ``path``. What an older file lacks, or has as null, is as before the first run; so is all where
    there is no file.

    Raises:
    UserError: the file is damaged.
    """
    if not path.is_file():
        return HomeState()
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(values, dict):
        raise _damaged(path, "not a record")
    own = {name: values.pop(name) for name in _FIELDS if name in values}
    own = {name: value for name, value in own.items() if value is not None}
    for name, value in own.items():
        if not isinstance(value, _KINDS[name]):
            raise _damaged(path, f"{name} is {value!r}")
    return HomeState(**own | {"study": tuple(own.get("study", ()))}, others=values)


def _damaged(path: Path, why: str) -> UserError:
    return UserError(
        f"{path}: damaged ({why}): delete it, and give `swaptalk run` its preset, videos and settings again"
    )
