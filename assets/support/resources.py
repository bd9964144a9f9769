"""What every asset needs to know: where the data live, which preset, which videos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import Preset, load_preset


class SwapTalk(dg.ConfigurableResource):
    """Settings of a run. Every one can be changed in the launchpad."""

    home: str = Field(default="", description="Folder of all data; empty: $SWAPTALK_HOME, else ./data")
    preset: str = Field(default="tiny", description="tiny, nano, base, paper, or the path of a YAML file")
    overrides: dict[str, Any] = Field(
        default={}, description='Values that differ from the preset: {"vqgan.train.steps": 500}'
    )
    videos: str = Field(default="", description="Folder of talking-head videos")
    hdtf: str = Field(
        default="",
        description="Folder of HDTF's annotation files; they are fetched into a new or empty one. Neither folder: the phantom corpus",
    )
    processes: int = Field(
        default=0, description="Worker processes of the data stages; 0: one a core, 1: none, work in this process"
    )

    def home_folder(self) -> Home:
        """The home; made when it is not there yet."""
        return Home(Path(self.home or os.environ.get("SWAPTALK_HOME") or "data").expanduser().absolute()).create()

    def load(self) -> Preset:
        """The preset with its overrides; UserError names what does not fit."""
        return load_preset(self.preset, self.overrides)

    @property
    def workers(self) -> int:
        """Number of worker processes of a data stage."""
        if self.processes:
            return self.processes
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
