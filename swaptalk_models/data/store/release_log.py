"""What became of every release: HOME/releases/log.json. Made, refused by the gate, or chosen by somebody; light, and kept when a release's folder goes.

The pointer HOME/releases/current says which one is in use. The log says since when, and why.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError

RELEASED, REFUSED, CHOSEN = "released", "refused", "chosen"


@dataclass(frozen=True)
class ReleaseEvent:
    """One thing that happened. Plain values, no paths: a home may be moved."""

    kind: str
    """RELEASED, REFUSED or CHOSEN."""
    version: str
    """Of the release; of one that was refused, what it would have been."""
    at: float
    """Seconds since the epoch."""
    before: str | None = None
    """The release in use until then."""
    reason: str = ""
    """Why it was refused, what is worse in it, or why it was chosen."""
    models: Mapping[str, str] = field(default_factory=dict)
    """{network: version}"""
    snapshot: str = ""
    """Training snapshot."""
    preset: str = ""
    figures: Sequence[Mapping[str, Any]] = ()
    """[{"setting", "metric", "value", "low", "high", "videos"}] of the finished test videos."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """{"people", "videos", "clips", "frames", and, against the release before: "came", "left", "changed": names of videos}."""


def log_file(home: Home) -> Path:
    return home.releases / "log.json"


def read_log(home: Home) -> list[ReleaseEvent]:
    """All events, the oldest first.

    Raises:
        UserError: the file is damaged.
    """
    path = log_file(home)
    if not path.is_file():
        return []
    names = {one.name for one in dataclasses.fields(ReleaseEvent)}
    try:
        return [
            ReleaseEvent(**{key: value for key, value in one.items() if key in names})
            for one in json.loads(path.read_text())
        ]
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged ({error}): move it away; the releases themselves are not touched") from None


def add_event(home: Home, event: ReleaseEvent) -> None:
    """Append it; of two runs that do so at once, one waits."""
    home.releases.mkdir(parents=True, exist_ok=True)
    with home.waiting("release_log"):
        events = [dataclasses.asdict(one) for one in (*read_log(home), event)]
        with atomic_write(log_file(home)) as aside:
            aside.write_text(json.dumps(events, indent=1))
            home.confirm()


def in_use(home: Home) -> str | None:
    """Version of the release that is in use; None: nothing was released."""
    pointer = home.releases / "current"
    return pointer.read_text().strip() if pointer.is_file() else None


def current_release(home: Home) -> Path:
    """The folder of the release in use: the newest, unless somebody chose another one.

    Raises:
        UserError: there is none.
    """
    version = in_use(home)
    if version is None:
        raise UserError(f"no release in {home.root}: run `swaptalk run` first, or give a folder with --release")
    return home.releases / version


def logged_in_use(events: Sequence[ReleaseEvent]) -> str | None:
    """Which release the log says is in use."""
    return next((one.version for one in reversed(events) if one.kind in (RELEASED, CHOSEN)), None)


def held_back(events: Sequence[ReleaseEvent]) -> dict[str, ReleaseEvent]:
    """{release: the choice of another one instead}: somebody has left it, so no run puts it back into use. Choosing it again ends that."""
    held: dict[str, ReleaseEvent] = {}
    for event in events:
        held.pop(event.version, None) if event.kind == CHOSEN else None
        if event.kind == CHOSEN and event.before and event.before != event.version:
            held[event.before] = event
    return held


def refused(events: Sequence[ReleaseEvent], version: str) -> ReleaseEvent | None:
    """The newest refusal of this release, if it was not made since."""
    newest = next((one for one in reversed(events) if one.version == version), None)
    return newest if newest is not None and newest.kind == REFUSED else None
