"""What a run is asked to do, and what the last run of a home was asked to do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.asked import Asked, settle
from swaptalk_models.data.store.home import Home


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do. Empty is as in the home's last run; `settled` says what that is."""

    home: Path
    preset: str = ""
    videos: str = ""
    hdtf: str = ""
    until: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    compute: str = ""
    """Where the data stages are done, `local` or `ray`: one more value that differs from the preset."""
    change: bool = False
    """Lets another source or preset replace the home's, and no overrides mean none."""

    @property
    def asked(self) -> Asked:
        """What is asked of the home."""
        return Asked(self.preset, self.videos, self.hdtf, self.overrides)

    def run_config(self, remember: bool = True) -> dict[str, Any]:
        """What the launchpad would hold for the same run."""
        values = {"home": str(self.home), "preset": self.preset, "videos": self.videos, "hdtf": self.hdtf}
        more = {"overrides": dict(self.overrides), "change": self.change, "remember": remember}
        return {"resources": {"swaptalk": {"config": values | more}}}

    def command(self) -> str:
        """The same as words for a shell."""
        given = {
            "home": self.home,
            "preset": self.preset,
            "videos": self.videos,
            "hdtf": self.hdtf,
            "until": self.until,
        }
        words = [f"--{name} {shlex.quote(str(value))}" for name, value in given.items() if value]
        words += [f"--set {shlex.quote(f'{name}={value}')}" for name, value in self.overrides.items()]
        return " ".join(["swaptalk run", *words, *(["--change"] if self.change else [])])


def settled(settings: Settings) -> Settings:
    """The same with nothing left open: what is empty is as in the home's last run.

    Raises:
        UserError: another source or preset than the home's, and ``change`` is not said.
    """
    asked = settle(
        Home(settings.home), settings.preset, settings.videos, settings.hdtf, settings.overrides, settings.change
    )
    found = {one.name: getattr(asked, one.name) for one in fields(asked)}
    if settings.compute:
        found["overrides"] = {**asked.overrides, "compute": settings.compute}
    return replace(settings, **found)


def last_settings(home: Home) -> Settings:
    """What the last run of this home was asked to do; schedules and sensors ask for the same."""
    return settled(Settings(home.root))
