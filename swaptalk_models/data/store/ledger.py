"""The ledger: what every stage has done to every clip, from what, and how it ended.

One database, so that one transaction decides whether something was done: a file in the home, or a schema in Postgres
(`state_store.py`). Plain look-ups by video or by clip are indexed: asking about one video costs the same among ten and among ten
thousand.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from swaptalk_models.data.store.database import Database, SqliteDatabase
from swaptalk_models.data.store.fingerprint import hash_file
from swaptalk_models.data.store.state_store import postgres_address, schema_of

OK, QUARANTINED = "ok", "quarantined"

_COLUMNS = (
    "stage, clip, video, fingerprint, inputs, code_version, params, status, reason, output, "
    "rows, seconds, updated_at, orphaned"
)
_ENTER = (
    f"INSERT INTO work ({_COLUMNS}) VALUES ({', '.join('?' * 14)}) ON CONFLICT (stage, clip) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[2:])
)
_from_text = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # its types leave it out
_COUNTED = ("computed", "cached", "quarantined", "seconds")
_REMEMBER_FILE = (
    "INSERT INTO files VALUES (?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
    "size = excluded.size, mtime_ns = excluded.mtime_ns, hash = excluded.hash"
)
_COUNT_A_CHANGE = (
    "INSERT INTO changes VALUES (?, 1) ON CONFLICT (stage) DO UPDATE SET count = changes.count + excluded.count"
)
_SETTLE = (
    "INSERT INTO settled VALUES (?, ?, ?, ?) ON CONFLICT (stage) DO UPDATE SET "
    "seen = excluded.seen, cached = excluded.cached, quarantined = excluded.quarantined"
)


@dataclass(frozen=True)
class Entry:
    """What a stage has done to a clip."""

    stage: str
    clip: str
    video: str
    fingerprint: str
    """Hash of inputs, code version and parameters: equal means nothing to do."""
    inputs: str
    code_version: str
    params: str
    status: str
    """`ok` or `quarantined`."""
    reason: str = ""
    """Why it was quarantined, for people."""
    output: dict[str, Any] = field(default_factory=dict)
    """What the stages downstream go by: hashes of what was made, number of frames, ..."""
    rows: int = 0
    seconds: float = 0.0
    updated_at: float = 0.0
    orphaned: bool = False
    """Its source has gone; the data stay until they are cleaned."""


@dataclass(frozen=True)
class StageReport:
    """Counts of one stage in one run."""

    stage: str
    computed: int = 0
    cached: int = 0
    quarantined: int = 0
    seconds: float = 0.0


class Ledger:
    """One connection to the ledger of a home; a context manager. Every method is one transaction."""

    def __init__(self, path: Path):
        """
        Args:
            path: ``Home.ledger``; where the state lies in Postgres there is no such file.

        Raises:
            UserError: it cannot be opened.
        """
        self._home = f"{path.parent.absolute()}{os.sep}"
        self._db = open_database(path)
        self._recalled: dict[tuple[str, int, int], str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def entries(
        self, stage: str, videos: Iterable[str] | None = None, status: str | None = None, orphaned: bool | None = False
    ) -> dict[str, Entry]:
        """Entries of a stage by clip, in order; of these videos only, if given. ``orphaned`` None: both."""
        where: list[str] = ["stage = ?"]
        values: list[str | int] = [stage]
        if status is not None:
            where, values = where + ["status = ?"], values + [status]
        if orphaned is not None:
            where, values = where + ["orphaned = ?"], values + [int(orphaned)]
        found: dict[str, Entry] = {}
        everything: list[tuple[str, list[Any]]] = [("", [])]
        groups = everything if videos is None else self._db.among("video", list(dict.fromkeys(videos)))
        for condition, more in groups:
            index, extra = (self._db.by_video, [condition]) if condition else ("", [])
            query = f"SELECT {_COLUMNS} FROM work {index} WHERE {' AND '.join(where + extra)} ORDER BY clip"
            found.update({entry.clip: entry for entry in map(_entry, self._db.all(query, [*values, *more]))})
        return dict(sorted(found.items()))

    def quarantine(self) -> list[Entry]:
        """Everything in quarantine whose source is still there, by stage and clip."""
        query = f"SELECT {_COLUMNS} FROM work WHERE orphaned = 0 AND status = ? ORDER BY stage, clip"
        return [_entry(row) for row in self._db.all(query, (QUARANTINED,))]

    def orphans(self) -> list[Entry]:
        """Everything whose source has gone."""
        return [
            _entry(row) for row in self._db.all(f"SELECT {_COLUMNS} FROM work WHERE orphaned = 1 ORDER BY stage, clip")
        ]

    def counts(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """{(stage, status): (clips, videos, rows)} of what is not orphaned."""
        query = (
            "SELECT stage, status, count(*), count(DISTINCT video), CAST(sum(rows) AS BIGINT) FROM work "
            "WHERE orphaned = 0 GROUP BY stage, status"
        )
        return {(stage, status): tuple(numbers) for stage, status, *numbers in self._db.all(query)}

    def begin(self, stage: str, clips: Iterable[str]) -> None:
        """Note that rows of these clips are about to be written: until ``commit``, nobody knows how many of them are
        there."""
        with self._db.transaction():
            self._db.many("INSERT INTO pending VALUES (?, ?) ON CONFLICT DO NOTHING", [(stage, clip) for clip in clips])

    def pending(self, stage: str) -> list[str]:
        """Clips whose writing was begun and never committed: a process was killed in between."""
        return [clip for (clip,) in self._db.all("SELECT clip FROM pending WHERE stage = ? ORDER BY clip", (stage,))]

    def forget(self, stage: str, clips: Iterable[str]) -> None:
        """Drop the entries of these clips: nothing of them is there any more."""
        keys = [(stage, clip) for clip in clips]
        with self._db.transaction():
            self._db.many("DELETE FROM work WHERE stage = ? AND clip = ?", keys)
            self._db.many("DELETE FROM pending WHERE stage = ? AND clip = ?", keys)
            self._changed([stage] if keys else [])

    def commit(self, entries: Iterable[Entry]) -> None:
        """Enter finished work, and end its being pending."""
        entries = list({(e.stage, e.clip): e for e in entries}.values())
        rows = [
            (e.stage, e.clip, e.video, e.fingerprint, e.inputs, e.code_version, e.params, e.status, e.reason)
            + (json.dumps(e.output, sort_keys=True), e.rows, float(e.seconds), time.time(), int(e.orphaned))
            for e in entries
        ]
        with self._db.transaction():
            self._db.many(_ENTER, rows)
            self._db.many("DELETE FROM pending WHERE stage = ? AND clip = ?", [(e.stage, e.clip) for e in entries])
            self._changed({e.stage for e in entries})

    def set_orphaned(self, stage: str, clips: Iterable[str], orphaned: bool) -> None:
        """Mark entries as orphaned, or as wanted again."""
        rows = [(int(orphaned), time.time(), stage, clip) for clip in clips]
        with self._db.transaction():
            self._db.many("UPDATE work SET orphaned = ?, updated_at = ? WHERE stage = ? AND clip = ?", rows)
            self._changed([stage] if rows else [])

    def orphan_other_videos(self, videos: Iterable[str]) -> list[str]:
        """Mark everything of videos that are not among these. Returns the videos that had been there until now."""
        keep = set(videos)
        with self._db.transaction():
            there = list(self._db.all("SELECT DISTINCT video, stage FROM work WHERE orphaned = 0"))
            gone = sorted({video for video, _ in there if video not in keep})
            self._db.many(
                "UPDATE work SET orphaned = 1, updated_at = ? WHERE video = ? AND orphaned = 0",
                [(time.time(), video) for video in gone],
            )
            self._changed({stage for video, stage in there if video not in keep})
        return gone

    def _changed(self, stages: Iterable[str]) -> None:
        """Within a transaction that changes entries of these stages."""
        self._db.many(_COUNT_A_CHANGE, [(stage,) for stage in sorted(stages)])

    def changes(self, stages: Iterable[str]) -> dict[str, int]:
        """{stage: how many times its entries have changed}: while it is the same, so are they."""
        counted: dict[str, int] = dict(self._db.all("SELECT stage, count FROM changes"))
        return {stage: counted.get(stage, 0) for stage in stages}

    def settle(self, seen: str, report: StageReport) -> None:
        """Note that a stage had nothing left to do, what it went by then (a hash), and how much was done or refused."""
        with self._db.transaction(durable=False):
            self._db.many(_SETTLE, [(report.stage, seen, report.cached, report.quarantined)])

    def settled(self, stage: str, seen: str) -> StageReport | None:
        """What was noted by ``settle``; None where it was never, or when the stage went by something else."""
        query = "SELECT cached, quarantined FROM settled WHERE stage = ? AND seen = ?"
        for cached, quarantined in self._db.all(query, (stage, seen)):
            return StageReport(stage, cached=cached, quarantined=quarantined)
        return None

    def clips(self, stage: str) -> list[str]:
        """Clips that a stage has done, and whose source is there."""
        query = "SELECT clip FROM work WHERE stage = ? AND status = ? AND orphaned = 0"
        return [clip for (clip,) in self._db.all(query, (stage, OK))]

    def file_hash(self, path: Path) -> str:
        """Hash of a file's content, read again only when its size or time has changed; of one that is not on this host but on the home's
        storage, as it is there. BadClip: it cannot be read."""
        path = Path(os.path.abspath(path))
        name = str(path).removeprefix(self._home)  # a home may be moved
        try:
            stat = path.stat()
        except OSError:
            for (stored,) in self._db.all("SELECT hash FROM stored WHERE path = ?", (name,)):
                return stored
            return hash_file(path)  # raises with the reason
        key = (stat.st_size, stat.st_mtime_ns)
        recalled = self._recalled.get((name, *key))
        if recalled:
            return recalled
        for table in ("files", "stored"):
            query = f"SELECT hash FROM {table} WHERE path = ? AND size = ? AND mtime_ns = ?"
            for (known,) in self._db.all(query, (name, *key)):
                return known
        content = hash_file(path)
        with self._db.transaction(durable=False):
            self._db.many(_REMEMBER_FILE, [(name, *key, content)])
        return content

    def recall_files(self, paths: Iterable[Path]) -> None:
        """Ask for what is known of all these files at once: ``file_hash`` asks no more for each."""
        names = [os.path.abspath(path).removeprefix(self._home) for path in paths]
        for condition, values in self._db.among("path", names):
            rows = self._db.all(f"SELECT path, size, mtime_ns, hash FROM files WHERE {condition}", values)
            self._recalled.update({(path, size, mtime_ns): content for path, size, mtime_ns, content in rows})

    def changed_at(self, stages: Collection[str]) -> float:
        """When one of these stages last did or lost something (seconds since the epoch); 0 where none ever did."""
        query = f"SELECT max(updated_at) FROM work WHERE stage IN ({', '.join('?' * len(stages))})"
        return next(iter(self._db.all(query, list(stages))))[0] or 0.0

    def known_files(self) -> dict[str, tuple[int, int]]:
        """{path: (size, mtime_ns)} of every file as it was when its content was last read."""
        found = self._db.all("SELECT path, size, mtime_ns FROM files")
        return {os.path.join(self._home, path): (size, mtime_ns) for path, size, mtime_ns in found}

    def videos_behind(self, stage: str, after: str, by: str) -> set[str]:
        """Videos of which ``stage`` has made something that ``after`` has neither done nor refused.

        Args:
            by: "clip" where it does clip by clip, "video" where any clip of the video will do.
        """
        assert by in ("clip", "video")
        index = "" if by == "clip" else self._db.by_video
        query = (
            "SELECT DISTINCT video FROM work AS done WHERE stage = ? AND status = ? AND orphaned = 0 AND NOT EXISTS "
            f"(SELECT 1 FROM work {index} WHERE stage = ? AND {by} = done.{by} AND orphaned = 0)"
        )
        return {video for (video,) in self._db.all(query, (stage, OK, after))}

    def downloads(self) -> dict[str, tuple[str, str, float]]:
        """{address: (status, reason, when)} of every download that was tried."""
        return {
            address: tuple(rest) for address, *rest in self._db.all("SELECT address, status, reason, at FROM downloads")
        }

    def remember_download(self, address: str, status: str, reason: str, when: float) -> None:
        """How the last try went."""
        with self._db.transaction():
            self._db.many(
                "INSERT INTO downloads VALUES (?, ?, ?, ?) ON CONFLICT (address) DO UPDATE SET "
                "status = excluded.status, reason = excluded.reason, at = excluded.at",
                [(address, status, reason, when)],
            )

    def record(self, report: StageReport, run: str) -> None:
        """Add a stage's counts to a run's."""
        added = ", ".join(f"{name} = runs.{name} + excluded.{name}" for name in _COUNTED)
        with self._db.transaction():
            self._db.many(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, stage) DO UPDATE SET "
                f"{added}, updated_at = excluded.updated_at",
                [(run, report.stage, *(getattr(report, name) for name in _COUNTED), time.time())],
            )

    def last_run(self) -> dict[str, StageReport]:
        """Counts of the last run's stages, in the order in which they ended; empty before the first."""
        query = "SELECT stage, computed, cached, quarantined, seconds FROM runs WHERE run = ? ORDER BY updated_at"
        for last in self._db.all("SELECT run FROM runs ORDER BY updated_at DESC LIMIT 1"):
            return {row[0]: StageReport(*row) for row in self._db.all(query, last)}
        return {}

    def paces(self) -> dict[str, tuple[int, float]]:
        """{stage: (computed, seconds)} of the last run of each stage that computed anything."""
        query = (
            "SELECT stage, computed, seconds FROM runs AS r WHERE computed > 0 AND updated_at = "
            "(SELECT max(updated_at) FROM runs WHERE stage = r.stage AND computed > 0)"
        )
        return {stage: (computed, seconds) for stage, computed, seconds in self._db.all(query)}


def open_database(path: Path) -> Database:
    """A connection to the ledger of the home in which this file is, or would be. UserError: it cannot be opened."""
    if postgres_address() is None:
        schema_of(path.parent)  # a ledger that lies elsewhere is not to be passed over
        return SqliteDatabase(path)
    from swaptalk_models.data.store.postgres_database import PostgresDatabase
    from swaptalk_models.data.store.postgres_home import postgres_home

    home = postgres_home(path.parent)
    assert home is not None
    return PostgresDatabase(home)


def _entry(row: tuple[Any, ...]) -> Entry:
    # By position, and past json.loads, which looks for blanks around: a run that finds 10,000 clips done reads each a dozen times.
    *start, output, rows, seconds, updated_at, orphaned = row
    return Entry(*[*start, _from_text(output, 0)[0], rows, seconds, updated_at, bool(orphaned)])
