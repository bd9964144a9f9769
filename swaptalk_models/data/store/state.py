"""What the last run of a home was asked to do and where its results lie: HOME/state.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


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
    other: Mapping[str, Any] = field(default_factory=dict)
    """What a later version has written; kept as it is."""

    @property
    def empty(self) -> bool:
        """Whether nothing was ever run."""
        return self == HomeState()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> HomeState:
        """The record as it was written, by this version or another."""
        names = {one.name for one in fields(cls)} - {"other"}
        known = {name: value for name, value in values.items() if name in names}
        for name in ("videos", "hdtf"):
            known[name] = known.get(name) or ""
        known["overrides"] = known.get("overrides") or {}
        study = known.get("study")
        known["study"] = tuple(study) if study is not None else None
        return cls(**known, other={name: value for name, value in values.items() if name not in names})

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        return {**values.pop("other"), **values}
