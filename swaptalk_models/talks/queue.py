"""The talks that a home was asked for, and what became of each.

HOME/talks/ID.json    the talk and its state; ID is a hash of what is put into it and where it goes
HOME/talks/ID.lock    held by the process that is at work on it, and dropped by the system when that ends, however it ends
HOME/talks/ID.cancel  somebody wants it to end
HOME/talks/ID.progress  how far it is, while somebody is at work on it
"""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.locks import claimed
from swaptalk_models.errors import UserError
from swaptalk_models.inference.progress import Watch
from swaptalk_models.provenance.jobs import JobStore, ReleaseUsed, sha256_of
from swaptalk_models.provenance.unfinished import Unfinished
from swaptalk_models.talks.job_file import Talk
from swaptalk_models.talks.making import Talks, refuse
from swaptalk_models.talks.notes import noted

QUEUED, RUNNING, DONE, REFUSED, FAILED, CANCELLED = "queued", "running", "done", "refused", "failed", "cancelled"
_FILES = ("source", "target", "audio")
_REPORT_EVERY_S = 0.5


@dataclass(frozen=True)
class Entry:
    """A talk in the queue."""

    id: str
    talk: Talk
    state: str = QUEUED
    reason: str | None = None
    """Why it was refused, or failed."""
    job: str | None = None
    """Its record in HOME/jobs."""
    run: str | None = None
    """The Dagster run that did it last."""
    attempts: int = 0
    sha256: str | None = None
    """Of the finished video."""
    frames: dict[str, Any] = field(default_factory=dict)
    """What became of the frames."""
    time: str = ""
    """Of the last change; UTC, ISO 8601."""
    notes: list[str] = field(default_factory=list)
    """What was said of it while it was made last."""


@dataclass(frozen=True)
class Progress:
    """How far a talk is, see ``inference/progress.py``."""

    part: str
    done: int
    of: int


class TalkQueue:
    """The queue of one home. Several processes may work on it at once."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "talks"

    def add(self, talk: Talk, release: Path, again: bool = False) -> Entry:
        """Put a talk into the queue. One that is there, with the same content of its files, is the same: what is done stays done, and
        what was refused or failed is tried again; what was cancelled only if ``again``.
        """
        entry = Entry(self._id(talk, release), talk)
        known = self.read(entry.id)
        if known is not None:
            over = (DONE, CANCELLED) if not again else (DONE,)
            if known.state == RUNNING or (known.state in over and (known.state != DONE or self._is_there(known))):
                return known
            entry = replace(known, talk=talk, state=QUEUED, reason=None)
        (self.folder / f"{entry.id}.cancel").unlink(missing_ok=True)
        return self.write(entry)

    def read(self, name: str) -> Entry | None:
        """An entry; None where there is none that can be read."""
        try:
            record = json.loads((self.folder / f"{name}.json").read_text())
            return Entry(**record | {"talk": Talk(**record["talk"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, entry: Entry) -> Entry:
        """Keep an entry as it is now."""
        entry = replace(entry, time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
        with atomic_write(self.folder / f"{entry.id}.json") as aside:
            aside.write_text(json.dumps(asdict(entry), indent=1))
        return entry

    def entries(self) -> list[Entry]:
        """All, in the order of their last change."""
        found = [entry for path in self.folder.glob("[!.]*.json") if (entry := self.read(path.stem)) is not None]
        return sorted(found, key=lambda entry: (entry.time, entry.id))

    def find(self, start: str) -> Entry:
        """The entry whose name begins so. UserError: there is none, or more than one."""
        found = [entry for entry in self.entries() if entry.id.startswith(start)]
        if len(found) != 1:
            raise UserError(
                f"{len(found) or 'no'} talks of {self.home} begin with {start!r}: `swaptalk batch` lists them"
            )
        return found[0]

    def cancel(self, entry: Entry) -> bool:
        """Take a talk out of the queue, or have its work ended; False: it is over already."""
        if entry.state in (DONE, CANCELLED):
            return False
        (self.folder / f"{entry.id}.cancel").touch()
        with self.claim(entry.id) as mine:
            if mine:  # nobody is at work on it
                self.write(replace(self.read(entry.id) or entry, state=CANCELLED, reason=None))
        return True

    def wants_end(self, name: str) -> bool:
        """Whether somebody has cancelled a talk that is worked on."""
        return (self.folder / f"{name}.cancel").exists()

    def report(self, name: str, progress: Progress) -> None:
        """Keep how far a talk is. No more than a picture of the moment: what cannot be written is not missed."""
        with suppress(OSError), atomic_write(self.folder / f"{name}.progress") as aside:
            aside.write_text(json.dumps(asdict(progress)))

    def progress(self, name: str) -> Progress | None:
        """How far a talk is; None: nobody has said so."""
        try:
            return Progress(**json.loads((self.folder / f"{name}.progress").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def watch(self, name: str) -> Watch:
        """A ``Watch`` that reports, at each new part and twice a second."""
        part, told = "", 0.0

        def report(now: str, done: int, of: int) -> None:
            nonlocal part, told
            if now != part or time.monotonic() - told > _REPORT_EVERY_S:
                part, told = now, time.monotonic()
                self.report(name, Progress(now, done, of))

        return report

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Hold a talk; False: another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with claimed(self.folder / f"{name}.lock") as mine:
            yield mine

    def _is_there(self, entry: Entry) -> bool:
        output = Path(entry.talk.output)
        return output.is_file() and sha256_of(output) == entry.sha256

    @staticmethod
    def _id(talk: Talk, release: Path) -> str:
        inputs = [sha256_of(path) if (path := Path(getattr(talk, name))).is_file() else str(path) for name in _FILES]
        asked = {name: value for name, value in asdict(talk).items() if name not in (*_FILES, "consent")}
        told = json.dumps([inputs, asked, ReleaseUsed.of(release).sha256], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:12]


def make_queued(queue: TalkQueue, name: str, talks: Talks, run: str | None = None, progress: bool = False) -> Entry:
    """Make one talk of the queue, which the caller has claimed; what a kill left of it goes on.

    Raises:
        Cancelled, UserError, or whatever else ended it, after it was noted.
    """
    from swaptalk_models.talks.cancelling import Cancelled

    known = queue.read(name)
    if known is None:
        raise UserError(f"no talk {name} in {queue.home}")
    talk, output = known.talk, Path(known.talk.output)
    record = JobStore(queue.home).read(known.job) if known.job else None
    if known.state == RUNNING and record and output.is_file() and record["output"]["sha256"] == sha256_of(output):
        # killed between the video's appearance and this note
        return queue.write(replace(known, state=DONE, sha256=record["output"]["sha256"], frames=record["frames"]))
    entry = queue.write(replace(known, state=RUNNING, run=run, attempts=known.attempts + 1))

    def begun(job: str) -> None:
        nonlocal entry
        entry = queue.write(replace(entry, job=job))

    with noted() as notes:
        try:
            refuse((Path(talk.source), Path(talk.target), Path(talk.audio)), output, talk.unmarked)
            made = talks.make(
                talk.source,
                talk.target,
                talk.audio,
                output,
                detail=talk.detail,
                face=talk.face,
                source_face=talk.source_face,
                consent=talk.consent,
                label=talk.label,
                unmarked=talk.unmarked,
                resume=Unfinished(output).folder.is_dir(),
                progress=progress,
                begun=begun,
                stop=lambda: queue.wants_end(name),
                watch=queue.watch(name),
            )
        except Cancelled:
            Unfinished(output).remove()
            queue.write(replace(entry, state=CANCELLED))
            raise
        except UserError as error:
            queue.write(replace(entry, state=REFUSED, reason=" ".join(str(error).split()), notes=notes))
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            queue.write(replace(entry, state=FAILED, reason=reason, notes=notes))
            raise
        finally:
            (queue.folder / f"{name}.progress").unlink(missing_ok=True)
    return queue.write(replace(entry, state=DONE, sha256=sha256_of(output), frames=made.tally.to_json(), notes=notes))
