"""One video and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from swaptalk_models.metrics.further_inputs import FurtherInputs


@dataclass(frozen=True)
class VideoFiles:
    """One video and what it is held against: the arguments of `score_video`."""

    generated: Path
    target: Path | None = None
    source: Path | None = None
    audio: Path | None = None
    gallery: Path | None = None
    setting: str | None = None
    """"self", "cross", or None: told from the sounds."""
    further: FurtherInputs = field(default_factory=FurtherInputs)
