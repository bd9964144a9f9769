"""The marks of one video: watermark and label in its frames, manifest in its file, record in the home.

All are made while the file is written: it appears marked, or not at all.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.provenance.choice import MarkChoice
from swaptalk_models.provenance.identity import Identity, load_identity
from swaptalk_models.provenance.jobs import Consent, Job, JobStore, ReleaseUsed, new_job, sha256_of
from swaptalk_models.provenance.label import TEXT, draw_label
from swaptalk_models.provenance.manifest import Claim, require_signing, sign
from swaptalk_models.provenance.watermark.embedding import Watermark


def job_of(folder: Path, inputs: dict[str, Path], release: Path, options: dict[str, Any], choice: MarkChoice) -> Job:
    """A new job. Consent that was noted for the same files before counts again.

    Args:
        folder: of the home, or of the user's configuration.
        inputs: by role: source, target, voice.
        release: folder of the networks.
        options: what else was chosen; goes into the record.

    Raises:
        UserError: an input or the release cannot be read.
    """
    job = new_job(inputs, ReleaseUsed.of(release), options)
    given = Consent(choice.consent, choice.how, job.time) if choice.consent else None
    return dataclasses.replace(job, consent=given or JobStore(folder).consent_for(job.inputs))


def job_marks(
    folder: Path,
    inputs: dict[str, Path],
    release: Path,
    output: Path,
    options: dict[str, Any],
    choice: MarkChoice,
) -> JobMarks:
    """The marks of a new job, see ``job_of``.

    Raises:
        UserError: an input or the release cannot be read, nothing can be signed or recorded here.
    """
    return JobMarks(folder, job_of(folder, inputs, release, options, choice), output, choice.label, choice.unmarked)


class JobMarks:
    """Marks what a job makes, and keeps its record. A ``Marking`` of ``inference/marking.py``."""

    def __init__(self, folder: Path, job: Job, output: Path, label: bool = False, unmarked: str | None = None) -> None:
        """
        Args:
            folder: of the home, or of the user's configuration: there lie certificate and records.
            output: where the video will be; goes into the record.
            label: whether the visible label is drawn.
            unmarked: the reason why there is to be neither manifest nor watermark; it is recorded.

        Raises:
            UserError: nothing can be signed here, or the folder cannot be written.
        """
        self._store, self._job, self._output = JobStore(folder), job, output
        self._label, self._unmarked = label, unmarked
        self._identity: Identity | None = None
        if unmarked is None:  # before the long work
            require_signing()
            self._identity = load_identity(folder)
        self._store.require_writable()
        self._watermark: Watermark | None = None
        self._told: dict[str, Any] = {"made": 0}

    def begin(self, track: FaceTrack) -> None:
        """See Marking."""
        if self._unmarked is None:
            self._watermark = Watermark(self._job.bits, track)

    def on_frame(self, frame: np.ndarray, number: int, shown: int | None) -> np.ndarray:
        """See Marking."""
        if self._watermark is not None and shown is not None:
            frame = self._watermark.on(frame, number, shown)
        return draw_label(frame) if self._label else frame

    def end(self, told: dict[str, Any]) -> None:
        """See Marking."""
        self._told = told

    def on_file(self, path: Path) -> None:
        """See Marking. The record comes last before the file appears."""
        if self._identity is not None:
            sign(path, self._identity, claim_of(self._job, self._job.bits if self._told["made"] else None))
        made = {"path": str(self._output.absolute()), "sha256": sha256_of(path)}
        self._store.write(dataclasses.replace(self._job, marks=self._marks(), frames=self._told, output=made))

    def _marks(self) -> dict[str, Any]:
        manifest = watermark = None
        if self._identity is not None:
            manifest = {"certificate": self._identity.fingerprint}
            watermark = {"bits": self._job.bits, "frames": made} if (made := self._told["made"]) else None
        return {
            "manifest": manifest,
            "watermark": watermark,
            "label": TEXT if self._label else None,
            "unmarked": self._unmarked,
        }


class ManifestOnly:
    """Signs a file and leaves its pixels as they are: for videos that are measured and stay in the home. A ``Marking``."""

    def __init__(self, identity: Identity, claim: Claim) -> None:
        self._identity, self._claim = identity, claim

    def begin(self, track: FaceTrack) -> None:
        """Nothing."""

    def on_frame(self, frame: np.ndarray, number: int, shown: int | None) -> np.ndarray:
        """The frame."""
        return frame

    def end(self, told: dict[str, Any]) -> None:
        """Nothing."""

    def on_file(self, path: Path) -> None:
        """See Marking."""
        sign(path, self._identity, self._claim)


def claim_of(job: Job, watermark: str | None) -> Claim:
    """What the manifest of a job's video says. Of the consent, which names people, it says nothing."""
    return Claim(
        job=job.id,
        release=job.release.version,
        time=job.time,
        inputs={role: given.sha256 for role, given in job.inputs.items()},
        names={role: given.name for role, given in job.inputs.items()},
        watermark=watermark,
    )
