"""Running one stage over many clips: only what is new or stale, one bad clip at a time, safe against any kill.

Rows go to the table first and to the ledger second, group by group. The ledger knows which clips are on their way, so a
rerun after a kill removes what may be there of them and does them again: never a row twice, never one missing. A stage
that makes files instead of rows says so clip by clip, before it touches them.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from swaptalk_models.data.engine.disk_full import full_disk_is_a_user_error
from swaptalk_models.data.engine.executor import Executor, LocalPool
from swaptalk_models.data.engine.items import Item, Needs, Result, Work
from swaptalk_models.data.engine.settled import Standing
from swaptalk_models.data.engine.workers import SURPRISE, Task
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.fingerprint import hash_params, hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Entry, Ledger, StageReport
from swaptalk_models.data.store.spool import SpooledRows
from swaptalk_models.data.store.stored_files import fetch, publish
from swaptalk_models.graph.code_versions import CODE_VERSIONS

GROUP_CLIPS = 16
"""Clips that are written together: a kill loses no more than these ..."""
GROUP_SECONDS = 10.0
"""... or what was done in this time ..."""
GROUP_BYTES = 64 << 20
"""... or this much of it."""
_A_FAULT_OF_OURS = 3
"""So many items that all end in a surprise are not the items' fault: the run says so and ends."""
_LIMIT = "time_limit"  # in the output of an entry that took longer: under which limit


def run_stage(
    name: str,
    items: Callable[[], Sequence[Item]],
    videos: Sequence[str],
    *,
    home: Home,
    params: Any,
    work: Work,
    table: bool = False,
    reads: tuple[str, ...] = (),
    there: Callable[[Home, Item], bool] | None = None,
    needs: Needs = Needs(),  # noqa: B008 - frozen
    makes: Callable[[Home, str], tuple[Path, ...]] = lambda home, clip: (),
    workers: int = 1,
    executor: Executor | None = None,
    run: str | None = "",
    time_limit: float | None = None,
    standing: Callable[[Ledger], Standing] | None = None,
    held: AbstractContextManager[bool] | None = None,
    since: float = math.inf,
) -> StageReport:
    """Bring a stage up to date for these videos.

    Args:
        name: the stage; its code version is ``CODE_VERSIONS[name]``.
        items: gives every clip of these videos that the stage should have; clips it had beyond these become orphans.
            Called when nobody can change any more what the stage reads.
        videos: the videos that this run is about; nothing else is looked at.
        params: config dataclass of the stage (or None).
        work: ``work(item, home, params)``; a module-level function where ``workers`` > 1. BadClip puts the clip into
            quarantine.
        table: whether results go to the Lance table ``name``.
        reads: stages whose data are read; nobody may write them meanwhile.
        there: whether the files of a finished clip are still there; None: it has none.
        needs: what the work reads of an item: of a home on storage, the files come from there first.
        makes: the files that it makes of a clip, published where the home lies on storage.
        workers: processes; 1 works in this one.
        executor: who does the items, instead of that many worker processes.
        run: the run to which the counts are added; None: the caller does it.
        time_limit: longest time for one clip (s); one that takes longer goes into quarantine, until the limit is
            raised.
        standing: how to tell that the stage stands as it did when nothing was left to do: then no item is looked at. None: it cannot be told.
        held: the hold on stage and ``reads``, where it is not ``home.writing``'s.
        since: when the run began (s since the epoch): what surprised it since is not tried a second time.

    Raises:
        UserError: another run is at work on this stage; the disk is full.
    """
    started = time.monotonic()
    hold = held or home.writing(name, reads)
    with full_disk_is_a_user_error(home), hold as unclean, Ledger(home.ledger) as ledger:
        _recover(name, home, ledger, table, unclean)
        stands = standing(ledger) if standing else None
        if stands and (settled := stands.still()) is not None:
            report = replace(settled, seconds=time.monotonic() - started)
            _record(ledger, report, run)
            return report
        before = stands.before() if stands else None
        wanted = {item.clip: item for item in items()}
        known = ledger.entries(name, videos, orphaned=None)
        if table and known and not tables.has_table(home, name):
            known = {}
        ledger.set_orphaned(name, [e.clip for e in known.values() if e.clip not in wanted and not e.orphaned], True)
        ledger.set_orphaned(name, [e.clip for e in known.values() if e.clip in wanted and e.orphaned], False)
        stage = _Stage(name, home, ledger, params, work, table, known, time_limit, needs, makes, since)
        todo = [item for item in wanted.values() if not stage.is_done(item, there)]
        left_bad = {e.clip for e in known.values() if e.status == QUARANTINED} & wanted.keys() - {i.clip for i in todo}
        if todo:
            stage.do(todo, executor or LocalPool(workers))
            remove_partial_files(home, name)
        cached = len(wanted) - len(todo) - len(left_bad)
        quarantined = len(left_bad) + stage.quarantined
        report = StageReport(name, stage.computed, cached, quarantined, time.monotonic() - started)
        left_surprises = any(SURPRISE in known[clip].reason for clip in left_bad)
        if stands and not stage.surprises and not left_surprises:  # which the next run tries again
            stands.note(before, report)
        _record(ledger, report, run)
    return report


def _record(ledger: Ledger, report: StageReport, run: str | None) -> None:
    if run is not None:
        ledger.record(report, run)


def _recover(name: str, home: Home, ledger: Ledger, table: bool, unclean: bool) -> None:
    """After a kill between table and ledger: nobody knows which rows are there, so none of them stays.

    A power cut may have taken the ledger's last entries, or the table's last rows: clips of which they tell different
    things go, too.
    """
    doubtful = set(ledger.pending(name))
    if unclean and table:
        rows, double = tables.row_counts(home, name)
        known = {entry.clip: entry.rows for entry in ledger.entries(name, orphaned=None).values()}
        differ = {clip for clip in rows.keys() | known.keys() if rows.get(clip, 0) != known.get(clip, 0)}
        doubtful.update(double, differ)
    if doubtful and table:
        tables.delete_clips(home, name, sorted(doubtful))
    ledger.forget(name, doubtful)
    if unclean or doubtful:
        if table:
            tables.sweep(home, name)
        remove_partial_files(home, name)


def remove_partial_files(home: Home, name: str) -> None:
    """Remove the half-written files of a stage. Who calls this holds the home for it: nobody is at work on one of
    them."""
    for left in [*(home.root / name).glob(".*.part"), *home.spool.glob(f".{name}.*.part")]:
        left.unlink(missing_ok=True)


class _Stage:
    """One run of a stage: what is done with one item, and with a group of finished ones."""

    def __init__(
        self,
        name: str,
        home: Home,
        ledger: Ledger,
        params: Any,
        work: Work,
        table: bool,
        known: dict[str, Entry],
        time_limit: float | None,
        needs: Needs,
        makes: Callable[[Home, str], tuple[Path, ...]],
        since: float,
    ):
        self.since = since
        self.needs, self.makes = needs, makes
        self.name, self.home, self.ledger, self.params, self.work = name, home, ledger, params, work
        self.table, self.known, self.time_limit = table, known, time_limit
        self.code_version, self.params_hash = CODE_VERSIONS[name], hash_params(params)
        self.computed = self.quarantined = 0
        self.surprises: list[str] = []
        self.finished: list[tuple[Entry, pa.Table | SpooledRows | None]] = []
        self.finished_bytes, self.flushed_at = 0, time.monotonic()

    def fingerprint(self, inputs: Any) -> tuple[str, str]:
        """(of everything, of the inputs alone)."""
        hashed = hash_values(inputs)
        return hash_values([hashed, self.code_version, self.params_hash]), hashed

    def is_done(self, item: Item, there: Callable[[Home, Item], bool] | None) -> bool:
        entry = self.known.get(item.clip)
        if entry is None or (entry.code_version, entry.params) != (self.code_version, self.params_hash):
            return False
        if entry.inputs != hash_values(item.inputs):  # with these three the fingerprint is the same
            return False
        if entry.status == QUARANTINED:
            if SURPRISE in entry.reason:
                return entry.updated_at >= self.since  # it may have been the machine's, not the item's
            return (self.time_limit or math.inf) <= entry.output.get(_LIMIT, math.inf)
        return there is None or there(self.home, item)

    def do(self, todo: list[Item], executor: Executor) -> None:
        bar = tqdm(total=len(todo), desc=self.name, unit="clip", disable=None, file=sys.stderr)
        try:
            with bar:
                for outcome in executor.outcomes(self._tasks(todo), len(todo)):
                    self._finish(*outcome)
                    bar.update()
        finally:  # what is done is kept, whatever stopped the rest
            self.flush()
        if self.surprises and len(self.surprises) == len(todo) >= _A_FAULT_OF_OURS:
            raise RuntimeError(f"{self.name}: none of {len(todo)} could be done; the first: {self.surprises[0]}")

    def _tasks(self, todo: list[Item]) -> Iterator[Task]:
        for item in todo:
            if not self.table:
                # Its files are replaced while it is worked on, whatever the ledger still says of the old ones.
                self.ledger.begin(self.name, [item.clip])
            fetch(self.home.root, self.needs.files(self.home, item))
            yield self.work, item, self.home, self.params, self.time_limit

    def _finish(self, item: Item, result: Result | None, reason: str, seconds: float) -> None:
        fingerprint, inputs = self.fingerprint(item.inputs)
        entry = Entry(
            self.name,
            item.clip,
            item.video,
            fingerprint,
            inputs,
            self.code_version,
            self.params_hash,
            OK,
            seconds=round(seconds, 4),
        )
        if result is None:
            late = {_LIMIT: self.time_limit} if self.time_limit and seconds >= self.time_limit else {}
            self.finished.append((replace(entry, status=QUARANTINED, reason=reason, output=late), None))
            self.quarantined += 1
            if SURPRISE in reason:
                self.surprises.append(reason)
        else:
            rows = result.table.num_rows if result.table is not None else 0
            self.finished.append((replace(entry, output=result.output, rows=rows), result.table))
            self.finished_bytes += result.table.nbytes if isinstance(result.table, pa.Table) else 0
            self.computed += 1
        many = len(self.finished) >= GROUP_CLIPS or self.finished_bytes >= GROUP_BYTES
        if many or time.monotonic() - self.flushed_at > GROUP_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Table and files first, ledger second."""
        finished, self.finished, self.finished_bytes = self.finished, [], 0
        new = [rows for _, rows in finished if rows is not None and rows.num_rows]
        if self.table and finished:
            old = [entry.clip for entry, _ in finished if entry.clip in self.known and self.known[entry.clip].rows]
            self.ledger.begin(self.name, [entry.clip for entry, _ in finished])
            if old or new:
                tables.replace_clips(self.home, self.name, old, *new)
        if finished:
            whole = [entry.clip for entry, _ in finished if entry.status == OK]
            publish(self.home.root, [path for clip in whole for path in self.makes(self.home, clip)])
            self.ledger.commit([entry for entry, _ in finished])
        for rows in new:
            if isinstance(rows, SpooledRows):
                rows.path.unlink(missing_ok=True)
        if self.table and finished:
            tables.compact(self.home, self.name)
        self.flushed_at = time.monotonic()
