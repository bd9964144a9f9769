"""What a run is asked to do, next to what its home was made for. Light: read while Dagster's definitions load.

A home is one corpus and one preset. What a run does not say is as in the home's last run, wherever it was started; another corpus or
preset would replace what others made, so it needs a word.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state import HomeState, is_file_name
from swaptalk_models.errors import UserError

FIRST_PRESET = "tiny"
"""Of a home in which nothing was ever run."""


@dataclass(frozen=True)
class Asked:
    """Preset, source and settings of a run. Neither ``videos`` nor ``hdtf``: the phantom corpus."""

    preset: str
    videos: str = ""
    hdtf: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)


def settle(
    home: Home,
    preset: str = "",
    videos: str = "",
    hdtf: str = "",
    overrides: Mapping[str, Any] | None = None,
    change: bool = False,
) -> Asked:
    """What to do, where empty means: as in the home's last run.

    Args:
        preset: a name, or the path of a YAML file.
        overrides: {dotted setting: value}; if there are any, they are all: those of the last run are not added to them.
        change: the word that lets another source or preset replace the home's, and no overrides mean none.

    Raises:
        UserError: another source or preset than the home's without ``change``, or two sources.
    """
    if videos and hdtf:
        raise UserError("give either a folder of videos or one of HDTF's annotations, not both")
    state = home.state()
    preset, videos, hdtf = _absolute_file(preset), _absolute(videos), _absolute(hdtf)
    overrides = dict(overrides or {})
    if state.preset is None:
        return Asked(preset or FIRST_PRESET, videos, hdtf, overrides)
    if not change:
        _refuse_another(home, state, preset, videos, hdtf)
    source = (videos, hdtf) if videos or hdtf else (state.videos, state.hdtf)
    return Asked(preset or state.preset, *source, overrides if overrides or change else dict(state.overrides))


def source_text(videos: str, hdtf: str) -> str:
    """A source in words."""
    return f"the videos in {videos}" if videos else f"HDTF as in {hdtf}" if hdtf else "the phantom corpus"


def _refuse_another(home: Home, state: HomeState, preset: str, videos: str, hdtf: str) -> None:
    cure = "take another --home, or say --change (in the launchpad: change: true)"
    if (videos or hdtf) and (videos, hdtf) != (_absolute(state.videos), _absolute(state.hdtf)):
        raise UserError(
            f"{home.root} was made from {source_text(state.videos, state.hdtf)}; {source_text(videos, hdtf)} would replace it: {cure}"
        )
    assert state.preset is not None
    if preset and preset != _absolute_file(state.preset):
        raise UserError(f"{home.root} was made with preset {state.preset}; {preset} would make everything anew: {cure}")


def _absolute(folder: str) -> str:
    return os.path.abspath(os.path.expanduser(folder)) if folder else ""


def _absolute_file(preset: str) -> str:
    return _absolute(preset) if is_file_name(preset) else preset
