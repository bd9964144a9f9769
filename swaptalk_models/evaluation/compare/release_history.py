"""The releases of a home over time: figures with their intervals, which data came in and left, which models changed, what was refused and why."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from swaptalk_models.data.snapshot import Snapshot, load_snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import (
    REFUSED,
    RELEASED,
    ReleaseEvent,
    add_event,
    in_use,
    logged_in_use,
    read_log,
    refused,
)
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.release import COMPARED, measurements
from swaptalk_models.evaluation.files import RELEASE_EVALUATION_FILE
from swaptalk_models.metrics.confidence import bootstrap_mean
from swaptalk_models.modules.model_folder import RELEASE_FILE
from swaptalk_models.settings.preset import Preset


@dataclass(frozen=True)
class HistoryRow:
    """One event, as a reader wants it."""

    event: ReleaseEvent
    in_use: bool
    """Whether this release is the one in use, and this is when it became so."""
    there: bool
    """Whether its folder is there: it can be put into use."""
    changed: tuple[str, ...]
    """Networks that are others than in the release in use before."""


def history(home: Home) -> list[HistoryRow]:
    """All events, the newest first; releases of before there was a log by their folders.

    Raises:
        UserError: the log, or a release, is damaged.
    """
    logged = read_log(home)
    known = {event.version for event in logged if event.kind == RELEASED}
    events = sorted([*_unlogged(home, known), *logged], key=lambda event: event.at)
    now, rows, used, models = in_use(home), [], None, {event.version: event.models for event in events}
    since = max((place for place, event in enumerate(events) if _puts_in_use(event, now)), default=None)
    for place, event in enumerate(events):
        before = event.before or used
        old = models.get(before or "", {})
        changed = tuple(name for name, version in event.models.items() if old and old.get(name) != version)
        there = (home.releases / event.version / RELEASE_FILE).is_file()
        rows.append(HistoryRow(event, place == since, there, changed))
        used = used if event.kind == REFUSED else event.version
    return rows[::-1]


def _puts_in_use(event: ReleaseEvent, version: str | None) -> bool:
    return event.kind != REFUSED and event.version == version


def record_release(home: Home, preset: Preset, version: str, before: str | None, worse: Sequence[str]) -> None:
    """Note that this release, of the current models, is in use now; once."""
    if logged_in_use(read_log(home)) != version:
        reason = f"although worse: {'; '.join(worse)}" if worse else ""
        add_event(home, _event(home, preset, RELEASED, version, before, reason))


def record_refusal(home: Home, preset: Preset, version: str, worse: Sequence[str]) -> None:
    """Note that the current models were not released, and why; once for the same models and the same reason."""
    known = refused(read_log(home), version)
    if known is None or known.reason != "; ".join(worse) or known.before != in_use(home):
        add_event(home, _event(home, preset, REFUSED, version, in_use(home), "; ".join(worse)))


def _event(home: Home, preset: Preset, kind: str, version: str, before: str | None, reason: str) -> ReleaseEvent:
    found = measurements(home, preset)
    snapshot = load_snapshot(home)
    return ReleaseEvent(
        kind,
        version,
        time.time(),
        before if before != version else None,
        reason,
        found["models"],
        snapshot.version,
        preset.name,
        figures(found["videos"], preset.evaluation.confidence, preset.evaluation.seed),
        data_between(_snapshot_of(home, before), snapshot),
    )


def figures(videos: Sequence[Mapping[str, Any]], confidence: float = 0.95, seed: int = 0) -> list[dict[str, Any]]:
    """Mean and interval of each figure in each setting, from `measurements`; those that nothing was measured of are left out."""
    found = []
    for setting in sorted({video["setting"] for video in videos}):
        for metric in COMPARED:
            values = [video.get(metric) for video in videos if video["setting"] == setting]
            interval = bootstrap_mean(values, confidence=confidence, seed=seed)
            if interval.value is not None:
                found.append({"setting": setting, "metric": metric} | asdict(interval))
    return found


def data_between(old: Snapshot | None, new: Snapshot) -> dict[str, Any]:
    """How much a snapshot holds, and, where the old one is known, which videos came, left, or have other rows."""
    rows = new.clips()
    told: dict[str, Any] = {
        "people": len({row["person"] for row in rows}),
        "videos": len({row["video"] for row in rows}),
        "clips": len(rows),
        "frames": sum(row["frames"] for row in rows),
    }
    if old is None:
        return told
    before, after = _content(old), _content(new)
    return told | {
        "came": sorted(after.keys() - before.keys()),
        "left": sorted(before.keys() - after.keys()),
        "changed": sorted(video for video in before.keys() & after.keys() if before[video] != after[video]),
    }


def _content(snapshot: Snapshot) -> dict[str, list[Any]]:
    """{video: what the snapshot holds of it}"""
    found: dict[str, list[Any]] = {}
    for row in sorted(snapshot.clips(), key=lambda row: row["clip"]):
        found.setdefault(row["video"], []).append(
            [value for name, value in row.items() if not name.endswith("_version")]
        )
    return found


def _snapshot_of(home: Home, release: str | None) -> Snapshot | None:
    """What a release was trained on, where that is still there."""
    path = home.releases / (release or "") / RELEASE_FILE
    if release is None or not path.is_file():
        return None
    try:
        return load_snapshot(home, json.loads(path.read_text())["snapshot"])
    except UserError:
        return None


def _unlogged(home: Home, known: set[str]) -> list[ReleaseEvent]:
    """Releases that were made before there was a log, each against the one before."""
    paths = [path for path in home.releases.glob(f"*/{RELEASE_FILE}") if path.parent.name not in known]
    events: list[ReleaseEvent] = []
    for path in sorted(paths, key=lambda path: path.stat().st_mtime):
        settings = _read(path)
        kept = path.parent / RELEASE_EVALUATION_FILE
        event = ReleaseEvent(
            RELEASED,
            path.parent.name,
            path.stat().st_mtime,
            events[-1].version if events else None,
            models=settings["models"],
            snapshot=settings["snapshot"],
            preset=settings["preset"],
            figures=figures(_read(kept)["videos"]) if kept.is_file() else (),
        )
        own = _snapshot_of(home, event.version)
        events.append(replace(event, data=data_between(_snapshot_of(home, event.before), own) if own else {}))
    return events


def _read(path: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path}: damaged: {error}") from None
    return found
