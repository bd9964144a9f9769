"""What a run is asked to do, and what the last run of a home was asked to do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.home import Home


@dataclass(frozen=True)
class Settings:
    """What a run is asked to do."""

    home: Path
    preset: str
    videos: str = ""
    hdtf: str = ""
    until: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def run_config(self) -> dict[str, Any]:
        """What the launchpad would hold for the same run."""
        values = {"home": str(self.home), "preset": self.preset, "videos": self.videos, "hdtf": self.hdtf}
        return {"resources": {"swaptalk": {"config": values | {"overrides": dict(self.overrides)}}}}

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
        return " ".join(["swaptalk run", *words])

    def remember(self) -> None:
        """Make these the ``last_settings`` of the home; ``until`` is not kept."""
        Home(self.home).update_state(
            preset=self.preset, videos=self.videos, hdtf=self.hdtf, overrides=dict(self.overrides)
        )


def last_settings(home: Home) -> Settings:
    """What the last run of this home was asked to do; schedules and sensors ask for the same."""
    state = home.state()
    return Settings(
        home.root,
        state.preset or "tiny",
        state.videos,
        state.hdtf,
        overrides=state.overrides,
    )
