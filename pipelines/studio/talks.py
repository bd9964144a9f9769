"""The talks that were asked for in the studio: what was asked lies here, what becomes of it in the home's queue.

They are talks as those of `swaptalk batch`: the same runs, records and marks; `swaptalk batch` lists and cancels them, too.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipelines.studio.places import StudioPlace, is_id
from pipelines.studio.refusal import Refusal, plain
from pipelines.studio.uploads import ROLES, Upload, Uploads
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.provenance.jobs import JobStore, ReleaseUsed
from swaptalk_models.talks.job_file import Talk
from swaptalk_models.talks.queue import CANCELLED, DONE, FAILED, QUEUED, REFUSED, RUNNING, Entry, TalkQueue

Read = TypeVar("Read")
WAITING = (QUEUED, RUNNING)
OVER = (DONE, REFUSED, FAILED, CANCELLED)
MOST_WAITING = 100


@dataclass(frozen=True)
class Wish:
    """What somebody asks for."""

    source: str
    """Id of an upload; so are target and voice."""
    target: str
    voice: str
    consent: str
    """Who agreed, to what."""
    face: int | None = None
    """Which face of the target, from 1; None: the first."""
    source_face: int | None = None
    detail: bool = True
    label: bool = False


@dataclass(frozen=True)
class Asked:
    """The studio's record of a talk."""

    id: str
    """Of the talk in the home's queue."""
    wish: Wish
    files: dict[str, dict[str, str]]
    """{role: {"name", "sha256"}} as their owner calls them."""
    release: str
    """Folder."""
    at: float
    """When (seconds since the epoch): the order in which they are made."""
    time: str
    """The same, UTC, ISO 8601."""


@dataclass
class StudioTalks:
    """All of one studio."""

    place: StudioPlace
    uploads: Uploads
    _shown: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    _files: dict[Path, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def queue(self) -> TalkQueue:
        return TalkQueue(self.place.home)

    def ask(self, wish: Wish, release: Path) -> tuple[str, bool]:
        """Put a talk into the queue. The same wish again is the same talk.

        Returns:
            (its id, whether it is new).

        Raises:
            Refusal: an upload is not there, has no such face, nobody's consent is told, or too many talks wait.
        """
        files = {role: self.uploads.get(getattr(wish, role), role) for role in ROLES}
        if not wish.consent.strip():
            raise Refusal(422, "consent: say whose face and voice these are, and to what they agreed")
        source_face, face = chosen_face(files["source"], wish.source_face), chosen_face(files["target"], wish.face)
        waiting = {one.id for one in self._entries() if one.state in WAITING}
        if len(waiting) >= MOST_WAITING:
            raise Refusal(503, f"{MOST_WAITING} videos wait already: wait until some are made")
        used = ReleaseUsed.of(release)
        told = [[files[role].sha256 for role in ROLES], face, source_face, wish.detail, wish.label, wish.consent]
        output = hashlib.sha256(json.dumps([told, used.sha256]).encode()).hexdigest()[:16]
        talk = Talk(
            source=str(self.uploads.path_of(files["source"])),
            target=str(self.uploads.path_of(files["target"])),
            audio=str(self.uploads.path_of(files["voice"])),
            output=str(self.place.videos / f"{output}.mp4"),
            face=face,
            source_face=source_face,
            detail=wish.detail,
            label=wish.label,
            consent=wish.consent.strip(),
        )
        entry = self.queue.add(talk, release, again=True)
        known = self.read(entry.id)
        if known is None or (entry.state in WAITING and entry.id not in waiting):  # who asks twice keeps his place
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            named = {role: {"name": files[role].name, "sha256": files[role].sha256} for role in ROLES}
            self._write(Asked(entry.id, wish, named, str(release), time.time(), now))
        return entry.id, known is None

    def read(self, name: str) -> Asked | None:
        """What was asked for; None: no such talk."""
        if not is_id(name):
            return None
        return self._unchanged(self._record(name), _read_asked)

    def entry(self, name: str) -> Entry | None:
        """A talk in the home's queue, as it is now; None: there is none."""
        return self._unchanged(self.queue.folder / f"{name}.json", lambda path: self.queue.read(path.stem))

    def _unchanged(self, path: Path, read: Callable[[Path], Read | None]) -> Read | None:
        """What ``read`` gives of a file; read again only when it was replaced: every window asks for all of them twice a second."""
        try:
            found = path.stat()
        except OSError:
            self._files.pop(path, None)
            return None
        mark = found.st_ino, found.st_mtime_ns, found.st_size
        known = self._files.get(path)
        if known is None or known[0] != mark:
            known = self._files[path] = (mark, read(path))
        value: Read | None = known[1]
        return value

    def get(self, name: str) -> tuple[Asked, Entry]:
        """Refusal: there is no such talk."""
        asked = self.read(name)
        entry = self.entry(name) if asked is not None else None
        if asked is None or entry is None:
            raise Refusal(404, f"there is no video {name!r}: it may have been removed")
        return asked, entry

    def waiting(self) -> list[Asked]:
        """What is to be made, in the order in which it was asked for."""
        found = [asked for entry in self._entries() if entry.state in WAITING and (asked := self.read(entry.id))]
        return sorted(found, key=lambda asked: asked.at)

    def cancel(self, name: str) -> None:
        """Take a talk out of the queue, or have the work on it ended. Refusal: it is over."""
        _, entry = self.get(name)
        if entry.state not in WAITING:
            raise Refusal(409, f"it is {entry.state} already")
        self.queue.cancel(entry)

    def retry(self, name: str) -> None:
        """Put a talk into the queue again. Refusal: it is not over, or went well."""
        asked, entry = self.get(name)
        if entry.state not in (REFUSED, FAILED, CANCELLED):
            raise Refusal(409, f"it is {entry.state}: there is nothing to try again")
        for role in ROLES:
            self.uploads.get(getattr(asked.wish, role), role)
        again = self.queue.add(entry.talk, Path(asked.release), again=True)
        self.queue.write(dataclasses.replace(again, attempts=0))
        self._write(dataclasses.replace(asked, at=time.time()))

    def remove(self, name: str) -> None:
        """Remove a talk with its video, and what was sent for it alone. The job's record stays: it tells of videos that are out.

        Raises:
            Refusal: it is being made.
        """
        asked, entry = self.get(name)
        if entry.state in WAITING:
            raise Refusal(409, "it is being made: cancel it first")
        output = Path(entry.talk.output)
        for path in (output, beside_of(output), self._record(name)):
            path.unlink(missing_ok=True)
        for path in self.queue.folder.glob(f"{name}.*"):
            path.unlink(missing_ok=True)
        used = self.used_uploads()
        for role in ROLES:
            upload = getattr(asked.wish, role)
            if upload not in used and self.uploads.place_of(upload).is_dir():
                self.uploads.remove(upload)

    def used_uploads(self) -> set[str]:
        """Ids of what the talks were asked with."""
        return {getattr(asked.wish, role) for asked in self._all() for role in ROLES}

    def all_shown(self) -> list[dict[str, Any]]:
        """Every talk as the API shows it, the newest first."""
        asked = sorted(self._all(), key=lambda one: -one.at)
        waiting = [one.id for one in self.waiting()]
        return [shown for one in asked if (shown := self._cached(one, waiting)) is not None]

    def shown(self, name: str) -> dict[str, Any]:
        """One talk as the API shows it. Refusal: there is none."""
        asked, _ = self.get(name)
        shown = self._cached(asked, [one.id for one in self.waiting()])
        assert shown is not None
        return shown

    def _cached(self, asked: Asked, waiting: list[str]) -> dict[str, Any] | None:
        """A talk that is over is not read again."""
        entry = self.entry(asked.id)
        if entry is None:
            return None
        mark = (asked, entry.time, entry.state)
        known = self._shown.get(asked.id)
        if known is None or known[0] != mark or entry.state in WAITING:
            known = self._shown[asked.id] = (mark, self._show(asked, entry))
        ahead = waiting.index(asked.id) if entry.state == QUEUED and asked.id in waiting else 0
        return known[1] | {"ahead": ahead}

    def _show(self, asked: Asked, entry: Entry) -> dict[str, Any]:
        progress = self.queue.progress(entry.id) if entry.state == RUNNING else None
        talk, address = entry.talk, f"/api/talks/{entry.id}"
        given = dict(zip((Path(talk.source), Path(talk.target), Path(talk.audio)), ROLES, strict=True))
        names = {path: asked.files[role]["name"] for path, role in given.items()} | {Path(talk.output): "the video"}
        record = JobStore(self.place.home).read(entry.job or "") if entry.state == DONE else None
        return {
            "id": entry.id,
            "state": entry.state,
            "reason": plain(entry.reason, names) if entry.reason else None,
            "notes": [plain(note, names) for note in entry.notes],
            "progress": asdict(progress) if progress else None,
            "ending": entry.state == RUNNING and self.queue.wants_end(entry.id),
            "asked": asked.time,
            "changed": entry.time,
            "attempts": entry.attempts,
            "files": asked.files,
            "uploads": {role: getattr(asked.wish, role) for role in ROLES},
            "face": talk.face,
            "source_face": talk.source_face,
            "detail": talk.detail,
            "label": talk.label,
            "consent": talk.consent,
            "video": f"{address}/video" if entry.state == DONE else None,
            "beside": f"{address}/target" if entry.state == DONE else None,
            "frames": entry.frames or None,
            "run": entry.run,
            "lineage": _lineage(record) if record else None,
        }

    def _entries(self) -> list[Entry]:
        return [entry for asked in self._all() if (entry := self.entry(asked.id))]

    def _all(self) -> list[Asked]:
        return [asked for path in self.place.talks.glob("[!.]*.json") if (asked := self.read(path.stem))]

    def _record(self, name: str) -> Path:
        return self.place.talks / f"{name}.json"

    def _write(self, asked: Asked) -> None:
        with atomic_write(self._record(asked.id)) as aside:
            aside.write_text(json.dumps(asdict(asked), indent=1))


def _read_asked(path: Path) -> Asked | None:
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return Asked(**record | {"wish": Wish(**record["wish"])})


def chosen_face(upload: Upload, number: int | None) -> int | None:
    """The face that is taken; None where there is no choice: nobody is seen in the target's first seconds.

    Raises:
        Refusal: there is no such face.
    """
    count = len(upload.seen.get("faces", []))
    if number is None:
        return 1 if count else None
    if not 1 <= number <= count:
        raise Refusal(422, f"{upload.name}: shows {count} face{'s' * (count != 1)}, so there is no face {number}")
    return number


def beside_of(video: Path) -> Path:
    """Where the target lies that is shown beside a result."""
    return video.with_suffix(".target.mp4")


def _lineage(record: dict[str, Any]) -> dict[str, Any]:
    """What the job's record tells, without names and paths of this machine."""
    release = record["release"]
    return {
        "job": record["id"],
        "time": record["time"],
        "release": release["version"],
        "snapshot": release["snapshot"],
        "inputs": {role: given["sha256"] for role, given in record["inputs"].items()},
        "output": record["output"]["sha256"],
        "consent": record["consent"],
        "marks": {
            "manifest": record["marks"]["manifest"] is not None,
            "watermark": (record["marks"]["watermark"] or {}).get("bits"),
            "label": record["marks"]["label"],
        },
    }
