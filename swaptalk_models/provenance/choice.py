"""What somebody decides about the marks of a video. Light: no library is loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MarkChoice:
    """How somebody wants a video marked."""

    consent: str | None = None
    """Who agreed, to what; None where it was not said."""
    how: str = "option"
    """Where these words come from, see ``Consent``."""
    label: bool = False
    unmarked: str | None = None
    """The reason why there is to be neither manifest nor watermark."""
