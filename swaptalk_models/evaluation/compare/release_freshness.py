"""Whether the release in use knows the newest data: a release is not stale because days go by, but because data wait.

Dagster's own freshness policies go by the clock alone, and would call a home stale that has nothing to learn from.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pyarrow.parquet as pq

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import REFUSED, in_use, read_log
from swaptalk_models.modules.model_folder import RELEASE_FILE

_DAY = 86400.0


@dataclass(frozen=True)
class Freshness:
    """What the release in use knows of the data that there are."""

    release: str
    trained_on: str
    """Snapshot of its trainings."""
    newest: str
    """The current snapshot."""
    days: float
    """Since when there have been data that it does not know; 0: it knows them all."""
    came: int
    """Videos of the current snapshot that it was not trained on."""
    left: int
    """Videos that it was trained on, and that are no longer there."""
    refused: bool = False
    """Whether models trained on the current snapshot were refused."""

    def is_fresh(self, days: float) -> bool:
        """Whether nothing has waited longer than so many days."""
        return self.days <= days

    def said(self) -> str:
        """In one sentence."""
        if self.trained_on == self.newest:
            return "the release in use was trained on the newest snapshot"
        changed = f"{self.came} videos have come and {self.left} have gone since its trainings, the first {self.days:.1f} days ago"
        return changed + (
            ": what was trained on them was refused" if self.refused else ": nothing was released of them yet"
        )


def release_freshness(home: Home, now: float | None = None) -> Freshness | None:
    """Of the release in use at a time (seconds since the epoch, by default now); None where nothing was released, or there is no snapshot.

    A snapshot's age is that of its file, which lies there from when it was first made.
    """
    release, pointer = in_use(home), home.snapshots / "current"
    if release is None or not pointer.is_file():
        return None
    known = json.loads((home.releases / release / RELEASE_FILE).read_text())["snapshot"]
    newest = pointer.read_text().strip()
    if known == newest:
        return Freshness(release, known, newest, 0.0, 0, 0)
    before, after = _videos(home, known), _videos(home, newest)
    made = {path.parent.name: path.stat().st_mtime for path in home.snapshots.glob("*/manifest.parquet")}
    since = min((at for at in made.values() if at > made.get(known, 0.0)), default=made[newest])
    refused = any(event.kind == REFUSED and event.snapshot == newest for event in read_log(home))
    waited = max(0.0, (time.time() if now is None else now) - since) / _DAY
    return Freshness(release, known, newest, waited, len(after - before), len(before - after), refused)


def _videos(home: Home, snapshot: str) -> set[str]:
    """Videos of a snapshot; none where it was cleaned away."""
    path = home.manifest(snapshot)
    return set(pq.read_table(path, columns=["video"])["video"].to_pylist()) if path.is_file() else set()
