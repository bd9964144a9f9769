"""What the last run of a home was asked to do and where its results lie: HOME/state.json. Light: `swaptalk status`
reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from swaptalk_models.errors import UserError


@dataclass(frozen=True)
class HomeState:
    """The record; before the first run everything is empty."""

    preset: str | None = None
    """Name of the preset, or path of its file."""
    videos: str = ""
    """Folder of the user's videos; empty: none."""
    hdtf: str = ""
    """Folder of HDTF's annotation files; empty: none. Neither folder: the phantom corpus."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Dotted setting -> value."""
    report: str | None = None
    """Path of the newest evaluation report."""
    release: str | None = None
    """Folder of the newest release."""
    study: tuple[str, ...] | None = None
    """Ablations of a study that is going on, or was killed: until it ends the models may be an ablation's."""
    failed: Mapping[str, Any] | None = None
    """Why the last run failed: stage, reason, whether it is ours, details, at (seconds since the epoch). None: it did not."""
    report_port: int | None = None
    """Loopback port at which `swaptalk dev` serves the reports; None: it has not yet."""
    other: Mapping[str, Any] = field(default_factory=dict)
    """What a later version has written; kept as it is."""

    @property
    def empty(self) -> bool:
        """Whether nothing was ever run."""
        return self == HomeState()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> HomeState:
        """The record as it was written, by this version or another; what is missing or null is as before the first run.

        Raises:
            ValueError: a value is of another kind than its field.
        """
        known = {name: values[name] for name in _KINDS if values.get(name) is not None}
        for name, value in known.items():
            if not isinstance(value, _KINDS[name]):
                raise ValueError(f"{name} is {value!r}")  # noqa: TRY004 - read_state reports it as damage
        if "study" in known:
            known["study"] = tuple(known["study"])
        return cls(**known, other={name: value for name, value in values.items() if name not in _KINDS})

    def to_json(self) -> dict[str, Any]:
        """One level of plain values."""
        return {**self.other, **{name: getattr(self, name) for name in _KINDS}}


PLACES = ("preset", "videos", "hdtf", "report", "release")
"""Fields that may hold a path below the home; in the file it begins there (``Home.name``)."""
_KINDS: dict[str, type] = {one.name: str for one in fields(HomeState) if one.name != "other"}
_KINDS |= {"overrides": dict, "study": list, "failed": dict, "report_port": int}


def is_file_name(preset: str) -> bool:
    """Whether a preset is a file of somebody's, not one of ours."""
    return preset.endswith((".yaml", ".yml"))


def read_state(path: Path) -> HomeState:
    """The record in ``path``; an empty one where there is none.

    Raises:
        UserError: it is damaged.
    """
    if not path.is_file():
        return HomeState()
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError("no record")  # noqa: TRY004 - reported below as damage
        return HomeState.from_json(values)
    except ValueError as error:
        raise UserError(
            f"{path}: damaged ({error}): delete it, and give `swaptalk run` its preset, videos and settings again"
        ) from None
