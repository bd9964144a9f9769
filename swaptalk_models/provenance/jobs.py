"""The record of a job: what was made from what, by which release, with whose consent, and how it was marked.

    FOLDER/jobs/JOB.json

A video names its job: in full in its manifest, by 32 bits of the job's hash in its watermark.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import RELEASE_FILE
from swaptalk_models.provenance.watermark.payload import job_bits

_KNOWN = 20_000  # jobs that a watermark is held against
ROLES = ("source", "target", "voice")


@dataclass(frozen=True)
class Input:
    """One file that a video was made from. Its name stays in the record; into the video goes the hash alone."""

    name: str
    sha256: str
    size: int
    """bytes"""

    @classmethod
    def of(cls, path: Path) -> Input:
        """UserError: the file cannot be read."""
        try:
            return cls(path.name, sha256_of(path), path.stat().st_size)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None


@dataclass(frozen=True)
class ReleaseUsed:
    """Which networks made a video."""

    version: str
    """Name of the release's folder."""
    sha256: str
    """Of its release.json, which holds the hash of every weight: the same wherever the folder was copied to."""
    snapshot: str | None
    """Training snapshot that it was made from, where the release tells."""

    @classmethod
    def of(cls, folder: Path) -> ReleaseUsed:
        """UserError: no release, or a damaged one."""
        path = folder / RELEASE_FILE
        try:
            settings = json.loads(path.read_text())
        except FileNotFoundError:
            raise UserError(f"{folder}: not a release ({RELEASE_FILE} is missing)") from None
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: damaged: {error}") from None
        return cls(folder.resolve().name, sha256_of(path), settings.get("snapshot"))


@dataclass(frozen=True)
class Consent:
    """Who agreed, to what."""

    said: str
    how: str
    """Where the words come from: "option", "terminal", or the job for which they were asked for earlier."""
    time: str


@dataclass(frozen=True)
class Job:
    """One video that is to be made."""

    id: str
    time: str
    """UTC, ISO 8601."""
    inputs: dict[str, Input]
    release: ReleaseUsed
    options: dict[str, Any]
    consent: Consent | None
    marks: dict[str, Any] = field(default_factory=dict)
    """What was written: "manifest" and "watermark", null where not; "label"; "unmarked", the reason why not."""
    frames: dict[str, Any] = field(default_factory=dict)
    """How many there are, in how many a face was made ("made"), and how many passed through, by reason."""
    output: dict[str, Any] = field(default_factory=dict)
    """"path", and "sha256" of the finished file."""

    @property
    def bits(self) -> str:
        """What its watermark says."""
        return job_bits(self.id)


def new_job(
    inputs: dict[str, Path], release: ReleaseUsed, options: dict[str, Any], consent: Consent | None = None
) -> Job:
    """A job of this moment. UserError: an input cannot be read."""
    assert set(inputs) <= set(ROLES), inputs
    now = datetime.datetime.now(datetime.UTC)
    name = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    hashed = {role: Input.of(path) for role, path in inputs.items()}
    return Job(name, now.isoformat(timespec="seconds"), hashed, release, options, consent)


class JobStore:
    """The records in one folder: a home, or a user's configuration folder where there is no home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "jobs"

    def require_writable(self) -> None:
        """UserError: no record can be written here."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder}: records of jobs cannot be kept here: {error.strerror}") from None
        if not os.access(self.folder, os.W_OK):
            raise UserError(f"{self.folder}: records of jobs cannot be kept here: no permission to write")

    def write(self, job: Job) -> Path:
        """UserError: the folder cannot be written."""
        path = self.folder / f"{job.id}.json"
        try:
            with atomic_write(path) as aside:
                aside.write_text(json.dumps(asdict(job) | {"bits": job.bits}, indent=1))
        except OSError as error:
            raise UserError(f"{path}: the job's record cannot be written: {error.strerror}") from None
        return path

    def read(self, name: str) -> dict[str, Any] | None:
        """The record of a job; None where there is none that can be read."""
        if Path(name).name != name:  # the name comes out of somebody's file
            return None
        try:
            return json.loads((self.folder / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None

    def all_bits(self) -> list[str]:
        """What the watermarks of the newest jobs say."""
        return [job_bits(name) for name in itertools.islice(self._names(), _KNOWN)]

    def with_bits(self, bits: str) -> dict[str, Any] | None:
        """The record of the job whose watermark says ``bits``."""
        return next((self.read(name) for name in self._names() if job_bits(name) == bits), None)

    def with_output(self, sha256: str) -> dict[str, Any] | None:
        """The record of the job that made a file of this hash."""
        records = (self.read(name) for name in self._names())
        return next((record for record in records if record and record["output"].get("sha256") == sha256), None)

    def consent_for(self, inputs: dict[str, Input]) -> Consent | None:
        """What was said when the same files were put together before."""
        wanted = {role: given.sha256 for role, given in inputs.items()}
        for name in self._names():
            record = self.read(name) or {}
            given = record.get("consent")
            if given and {role: value["sha256"] for role, value in record["inputs"].items()} == wanted:
                return Consent(given["said"], given["how"] if _is_job(given["how"]) else name, given["time"])
        return None

    def _names(self) -> Iterator[str]:
        """Newest first."""
        return iter(sorted((path.stem for path in self.folder.glob("[!.]*.json")), reverse=True))


def _is_job(how: str) -> bool:
    return how not in ("option", "terminal")


def sha256_of(path: Path) -> str:
    """Hash of a file's content, hex, in constant memory."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
