"""The folder beside an output in which an unfinished job lies: its record, and what was finished of its video.

.OUT.mp4.unfinished/job.json    the job, so that what goes on is the same one: its watermark is in the pieces
.OUT.mp4.unfinished/...         see inference/resumable_writer.py
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.atomic_write import atomic_write, short_name
from swaptalk_models.errors import UserError
from swaptalk_models.inference.resumable_writer import PIECE, finished_pieces, kept_track
from swaptalk_models.provenance.jobs import Consent, Input, Job, ReleaseUsed

_JOB, _LOCK = "job.json", "lock"


class Unfinished:
    """The unfinished job of one output. It is nobody else's while it is held."""

    def __init__(self, output: Path) -> None:
        self.folder = unfinished_folder(output)

    @property
    def frames(self) -> int:
        """Frames that need not be made again."""
        return PIECE * len(finished_pieces(self.folder))

    def take(self, job: Job, resume: bool) -> tuple[Job, str | None]:
        """(the job that goes on or is begun, what is to be said of that).

        Args:
            job: what is asked for now. An unfinished job goes on only where inputs, release and options are the same.
            resume: whether it is to go on at all.
        """
        left = self._left()
        said: str | None
        begun = self.frames or kept_track(self.folder) is not None
        if left is not None and begun and resume:
            if _asks(left) == _asks(job):
                left = replace(left, consent=job.consent or left.consent)
                return left, f"going on at {clock(self.frames)}" if self.frames else None
            said = "the unfinished job was of other inputs or options: begun anew"
        elif left is not None and self.frames:
            said = f"begun anew; --resume would have gone on at {clock(self.frames)}"
        else:
            said = "nothing to go on with: begun anew" if resume else None
        self._empty()
        with atomic_write(self.folder / _JOB) as aside:
            aside.write_text(json.dumps(asdict(job)))
        return job, said

    def remove(self) -> None:
        """Nothing is unfinished any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left(self) -> Job | None:
        try:
            return _job(json.loads((self.folder / _JOB).read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _empty(self) -> None:
        for path in self.folder.iterdir():
            if path.name != _LOCK:
                path.unlink()


@contextmanager
def unfinished(output: Path) -> Iterator[Unfinished]:
    """Hold the unfinished job of an output. On the way out by an error or an interruption it stays if some of the video is finished.

    Raises:
        UserError: another process is at work on this output, or the folder cannot be made.
    """
    held = Unfinished(output)
    try:
        held.folder.mkdir(exist_ok=True)
        lock = open(held.folder / _LOCK, "w")  # noqa: SIM115  (held as long as we are)
    except OSError as error:
        raise UserError(f"{held.folder}: cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{output}: another process is making it: wait until it is done") from None
        try:
            yield held
        except BaseException:
            if not held.frames:
                held.remove()
            raise
        held.remove()


def unfinished_folder(output: Path) -> Path:
    """Where the unfinished job of an output lies."""
    return output.with_name(f".{short_name(output.name)}.unfinished")


def clock(frames: int) -> str:
    """A place in a video of 25 frames a second: 750 gives 0:30."""
    return f"{frames // 25 // 60}:{frames // 25 % 60:02d}"


def _asks(job: Job) -> Any:
    """What two jobs have to share to be the same."""
    inputs = {role: given.sha256 for role, given in job.inputs.items()}
    return inputs, job.release.sha256, json.loads(json.dumps(job.options))


def _job(record: dict[str, Any]) -> Job:
    return Job(
        record["id"],
        record["time"],
        {role: Input(**given) for role, given in record["inputs"].items()},
        ReleaseUsed(**record["release"]),
        record["options"],
        Consent(**record["consent"]) if record["consent"] else None,
    )
