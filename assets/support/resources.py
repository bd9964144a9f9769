"""What every asset needs to know: where the data live, which preset, which videos. What the launchpad leaves empty is as in the home's last run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from swaptalk_models.data.engine.ray_cluster import kept
from swaptalk_models.data.store.asked import Asked, settle
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import StageReport
from swaptalk_models.data.store.storage_home import join
from swaptalk_models.settings.compute import RAY
from swaptalk_models.settings.preset import Preset, load_preset

if TYPE_CHECKING:
    from swaptalk_models.data.stages.flow import Flow


class SwapTalk(dg.ConfigurableResource):
    """Settings of a run. Every one can be changed in the launchpad; empty is as in the home's last run."""

    home: str = Field(default="", description="Folder of all data; empty: $SWAPTALK_HOME, else ./data")
    preset: str = Field(
        default="",
        description="tiny, nano, base, paper, or the path of a YAML file; empty: as in the last run, tiny in a new home",
    )
    overrides: dict[str, Any] = Field(
        default={},
        description='Values that differ from the preset: {"vqgan.train.steps": 500}; empty: those of the last run',
    )
    videos: str = Field(default="", description="Folder of talking-head videos; empty: the source of the last run")
    hdtf: str = Field(
        default="",
        description="Folder of HDTF's annotation files; they are fetched into a new or empty one. A new home with neither folder: "
        "the phantom corpus",
    )
    change: bool = Field(
        default=False,
        description="Lets another source or preset replace the home's, and empty overrides mean none",
    )
    remember: bool = Field(
        default=True, description="Whether hdtf_catalog makes these the settings of the home's last run"
    )
    compute: str = Field(
        default="",
        description="Where the data stages are done: local, in worker processes of this machine, or ray, as tasks of a Ray cluster; "
        "empty: as in the last run",
    )
    processes: int = Field(
        default=0, description="Worker processes of the data stages; 0: one a core, 1: none, work in this process"
    )
    _flow: Flow | None = PrivateAttr(default=None)

    def home_folder(self) -> Home:
        """The home; made when it is not there yet."""
        return join(Path(self.home or os.environ.get("SWAPTALK_HOME") or "data").expanduser().absolute())

    def asked(self) -> Asked:
        """What to do; UserError where another source or preset would replace the home's."""
        asked = settle(self.home_folder(), self.preset, self.videos, self.hdtf, self.overrides, self.change)
        return replace(asked, overrides={**asked.overrides, "compute": self.compute}) if self.compute else asked

    def remember_asked(self) -> None:
        """Make this the home's last run, unless it is not to be remembered."""
        if self.remember:
            asked = self.asked()
            self.home_folder().update_state(
                preset=asked.preset, videos=asked.videos, hdtf=asked.hdtf, overrides=dict(asked.overrides)
            )

    def load(self) -> Preset:
        """The preset with its overrides; UserError names what does not fit."""
        asked = self.asked()
        return load_preset(asked.preset, asked.overrides)

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[SwapTalk]:
        """A Ray that a stage starts serves all stages of the run, and so does their flow."""
        with kept():
            try:
                yield self
            finally:
                if self._flow:
                    self._flow.close()
                    self._flow = None

    def data_stage(self, name: str, videos: Sequence[str], run: str, selected: Collection[str]) -> StageReport:
        """Bring a data stage up to date for the run's videos; on Ray, beside the others of the run, all of which begin with the first.

        Args:
            selected: assets of the run.

        Raises:
            UserError: as ``run_data_stage``.
        """
        from swaptalk_models.data.stages.flow import Flow
        from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage

        home, preset = self.home_folder(), self.load()
        beside = [stage for stage in DATA_STAGES if stage in selected]
        if not self._flow and preset.compute == RAY and len(beside) > 1:
            self._flow = Flow(beside, home, preset, videos, self.workers, run)
        if self._flow and self._flow.is_left(name):
            return self._flow.report(name)
        if self._flow:  # the step is tried again
            self._flow.close()
        return run_data_stage(name, home, preset, videos, workers=self.workers, run=run)

    @property
    def workers(self) -> int:
        """Number of worker processes of a data stage."""
        if self.processes:
            return self.processes
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
