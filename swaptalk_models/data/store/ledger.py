"""The ledger: what every stage has done to every clip, from what, and how it ended.

One sqlite file, so that one transaction decides whether something was done. Plain look-ups by video or by clip are
indexed: asking about one video costs the same among ten and among ten thousand.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from swaptalk_models.data.store.fingerprint import hash_file
from swaptalk_models.errors import UserError

OK, QUARANTINED = "ok", "quarantined"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS work (
    stage TEXT, clip TEXT, video TEXT, fingerprint TEXT, inputs TEXT, code_version TEXT, params TEXT,
    status TEXT, reason TEXT, output TEXT, rows INTEGER, seconds REAL, updated_at REAL, orphaned INTEGER DEFAULT 0,
    PRIMARY KEY (stage, clip)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS work_by_video ON work (video, stage);
CREATE INDEX IF NOT EXISTS work_by_state ON work (orphaned, status);
CREATE TABLE IF NOT EXISTS pending (stage TEXT, clip TEXT, PRIMARY KEY (stage, clip)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, hash TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS downloads (address TEXT PRIMARY KEY, status TEXT, reason TEXT, at REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    run TEXT, stage TEXT, computed INTEGER, cached INTEGER, quarantined INTEGER, seconds REAL, updated_at REAL,
    PRIMARY KEY (run, stage)
) WITHOUT ROWID;
"""
_COLUMNS = (
    "stage, clip, video, fingerprint, inputs, code_version, params, status, reason, output, "
    "rows, seconds, updated_at, orphaned"
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
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # a power cut may take the last entries: see runner._recover
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise UserError(f"{path}: cannot be opened as the ledger ({error})") from None

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
        for extra, more in _groups("video", videos):
            index = "INDEXED BY work_by_video" if extra else ""  # the planner would rather read the whole stage
            query = f"SELECT {_COLUMNS} FROM work {index} WHERE {' AND '.join(where + extra)} ORDER BY clip"
            found.update({entry.clip: entry for entry in map(_entry, self._db.execute(query, [*values, *more]))})
        return dict(sorted(found.items()))

    def quarantine(self) -> list[Entry]:
        """Everything in quarantine whose source is still there, by stage and clip."""
        query = f"SELECT {_COLUMNS} FROM work WHERE orphaned = 0 AND status = ? ORDER BY stage, clip"
        return [_entry(row) for row in self._db.execute(query, (QUARANTINED,))]

    def orphans(self) -> list[Entry]:
        """Everything whose source has gone."""
        return [
            _entry(row)
            for row in self._db.execute(f"SELECT {_COLUMNS} FROM work WHERE orphaned = 1 ORDER BY stage, clip")
        ]

    def counts(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """{(stage, status): (clips, videos, rows)} of what is not orphaned."""
        query = (
            "SELECT stage, status, count(*), count(DISTINCT video), sum(rows) FROM work "
            "WHERE orphaned = 0 GROUP BY stage, status"
        )
        return {(stage, status): tuple(numbers) for stage, status, *numbers in self._db.execute(query)}

    def begin(self, stage: str, clips: Iterable[str]) -> None:
        """Note that rows of these clips are about to be written: until ``commit``, nobody knows how many of them are
        there."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO pending VALUES (?, ?)", [(stage, clip) for clip in clips])

    def pending(self, stage: str) -> list[str]:
        """Clips whose writing was begun and never committed: a process was killed in between."""
        return [
            clip for (clip,) in self._db.execute("SELECT clip FROM pending WHERE stage = ? ORDER BY clip", (stage,))
        ]

    def forget(self, stage: str, clips: Iterable[str]) -> None:
        """Drop the entries of these clips: nothing of them is there any more."""
        keys = [(stage, clip) for clip in clips]
        with self._transaction():
            self._db.executemany("DELETE FROM work WHERE stage = ? AND clip = ?", keys)
            self._db.executemany("DELETE FROM pending WHERE stage = ? AND clip = ?", keys)

    def commit(self, entries: Iterable[Entry]) -> None:
        """Enter finished work, and end its being pending."""
        entries = list(entries)
        rows = [
            (e.stage, e.clip, e.video, e.fingerprint, e.inputs, e.code_version, e.params, e.status, e.reason)
            + (json.dumps(e.output, sort_keys=True), e.rows, e.seconds, time.time(), int(e.orphaned))
            for e in entries
        ]
        with self._transaction():
            self._db.executemany(f"INSERT OR REPLACE INTO work ({_COLUMNS}) VALUES ({', '.join('?' * 14)})", rows)
            self._db.executemany(
                "DELETE FROM pending WHERE stage = ? AND clip = ?", [(e.stage, e.clip) for e in entries]
            )

    def set_orphaned(self, stage: str, clips: Iterable[str], orphaned: bool) -> None:
        """Mark entries as orphaned, or as wanted again."""
        with self._transaction():
            self._db.executemany(
                "UPDATE work SET orphaned = ? WHERE stage = ? AND clip = ?",
                [(int(orphaned), stage, clip) for clip in clips],
            )

    def orphan_other_videos(self, videos: Iterable[str]) -> list[str]:
        """Mark everything of videos that are not among these. Returns the videos that had been there until now."""
        keep = set(videos)
        gone = [video for (video,) in self._db.execute("SELECT DISTINCT video FROM work") if video not in keep]
        with self._transaction():
            marked = [
                v
                for v in gone
                if self._db.execute("UPDATE work SET orphaned = 1 WHERE video = ? AND orphaned = 0", (v,)).rowcount
            ]
        return marked

    def file_hash(self, path: Path) -> str:
        """Hash of a file's content, read again only when its size or time has changed. BadClip: it cannot be read."""
        path = Path(os.path.abspath(path))
        try:
            stat = path.stat()
        except OSError:
            return hash_file(path)  # raises with the reason
        key = (stat.st_size, stat.st_mtime_ns)
        known = self._db.execute(
            "SELECT hash FROM files WHERE path = ? AND size = ? AND mtime_ns = ?", (str(path), *key)
        ).fetchone()
        if known:
            return known[0]
        content = hash_file(path)
        self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (str(path), *key, content))
        return content

    def downloads(self) -> dict[str, tuple[str, str, float]]:
        """{address: (status, reason, when)} of every download that was tried."""
        return {
            address: tuple(rest)
            for address, *rest in self._db.execute("SELECT address, status, reason, at FROM downloads")
        }

    def remember_download(self, address: str, status: str, reason: str, when: float) -> None:
        """How the last try went."""
        self._db.execute("INSERT OR REPLACE INTO downloads VALUES (?, ?, ?, ?)", (address, status, reason, when))

    def record(self, report: StageReport, run: str) -> None:
        """Add a stage's counts to a run's."""
        self._db.execute(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, stage) DO UPDATE SET "
            "computed = computed + excluded.computed, cached = cached + excluded.cached, "
            "quarantined = quarantined + excluded.quarantined, seconds = seconds + excluded.seconds, "
            "updated_at = excluded.updated_at",
            (run, report.stage, report.computed, report.cached, report.quarantined, report.seconds, time.time()),
        )

    def last_run(self) -> dict[str, StageReport]:
        """Counts of the last run's stages, in the order in which they ended; empty before the first."""
        query = "SELECT stage, computed, cached, quarantined, seconds FROM runs WHERE run = ? ORDER BY updated_at"
        last = self._db.execute("SELECT run FROM runs ORDER BY updated_at DESC LIMIT 1").fetchone()
        return {row[0]: StageReport(*row) for row in self._db.execute(query, last)} if last else {}

    def paces(self) -> dict[str, tuple[int, float]]:
        """{stage: (computed, seconds)} of the last run of each stage that computed anything."""
        query = "SELECT stage, computed, seconds, max(updated_at) FROM runs WHERE computed > 0 GROUP BY stage"
        return {stage: (computed, seconds) for stage, computed, seconds, _ in self._db.execute(query)}

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection):
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("ROLLBACK" if kind else "COMMIT")


def _entry(row: tuple[Any, ...]) -> Entry:
    # By position: a run that finds 10,000 clips done reads each a dozen times.
    *start, output, rows, seconds, updated_at, orphaned = row
    return Entry(*[*start, json.loads(output), rows, seconds, updated_at, bool(orphaned)])


def _groups(column: str, values: Iterable[str] | None, size: int = 500) -> Iterator[tuple[list[str], list[str]]]:
    """Conditions `column IN (...)` of at most ``size`` values each: sqlite takes a limited number of variables."""
    if values is None:
        yield [], []
        return
    values = list(dict.fromkeys(values))
    for start in range(0, len(values), size):
        part = values[start : start + size]
        yield [f"{column} IN ({', '.join('?' * len(part))})"], part
