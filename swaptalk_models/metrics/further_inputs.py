"""What some figures need beside a video, its target, its source and its sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Spoken = tuple[tuple[str, float, float], ...]
"""Phonemes in the notation of espeak-ng, each with its start and end (s)."""


@dataclass(frozen=True)
class FurtherInputs:
    """All optional; what is not given has no figure."""

    silent: Path | None = None
    """Leak test: the same target driven by silence, and"""
    own: Path | None = None
    """by its own sound."""
    target_audio: Path | None = None
    """The target's own sound, where its file has none."""
    spoken: Spoken | None = None
    """What the driving sound says."""
    target_spoken: Spoken | None = None
    """What the target's own sound says; of a self-driven video the same."""
