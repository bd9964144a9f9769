"""Where a video comes from: what its manifest, its watermark and a home's records say together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.provenance.identity import ROOT_FILE, identity_folder, read_root
from swaptalk_models.provenance.jobs import JobStore, sha256_of
from swaptalk_models.provenance.manifest import ManifestReading, read_manifest
from swaptalk_models.provenance.watermark.detection import Reading, read_watermark
from swaptalk_models.provenance.watermark.payload import job_bits

INTACT, TAMPERED, STRIPPED, NONE = "intact", "tampered", "stripped", "none"


@dataclass(frozen=True)
class Verification:
    """What is known of a file."""

    state: str
    """"intact", "tampered" (signed by us, changed since), "stripped" (the watermark is all that is left), or "none"."""
    manifest: ManifestReading
    watermark: Reading
    job: str | None
    """Its name, from the manifest, or from the home's records by watermark or file."""
    release: str | None
    record: dict[str, Any] | None
    """Of the job, where the home has it."""
    said: str
    """One sentence."""

    def to_json(self) -> dict[str, Any]:
        """What `verify --json` prints."""
        reading = self.watermark
        return {
            "state": self.state,
            "manifest": self.manifest.to_json(),
            "watermark": {"found": reading.found, "bits": reading.bits, "confidence": reading.confidence},
            "job": self.job,
            "release": self.release,
            "lineage": self.record,
            "said": self.said,
        }


def verify(path: Path, folder: Path | None = None, trust: Path | None = None) -> Verification:
    """Look at a file from all sides. Nothing is written anywhere.

    Args:
        folder: of a home, or of the user's configuration, that may know the job.
        trust: a root certificate (PEM) that has to vouch for whoever signed.

    Raises:
        UserError: the file is no video that can be read, or ``trust`` is no certificate.
    """
    root = read_root(trust) if trust is not None else _own_root(folder)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: empty file (0 bytes)")
        manifest = read_manifest(path, root)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    watermark = _watermark(path, manifest, folder)
    record = _record(path, manifest, watermark, folder)
    claimed = (manifest.said or {}).get("job")
    job = claimed or (record or {}).get("id")
    release = (manifest.said or {}).get("release") or (record or {}).get("release", {}).get("version")
    problem = _problem(manifest, watermark, trust)
    if problem:
        state = TAMPERED
    elif manifest.state == "valid":
        state = INTACT
    else:
        state = STRIPPED if watermark.found else NONE
    said = _sentence(state, manifest, watermark, job, record, problem, trust)
    return Verification(state, manifest, watermark, job, release, record, said)


def _own_root(folder: Path | None) -> bytes | None:
    path = identity_folder(folder) / ROOT_FILE if folder is not None else None
    return read_root(path) if path is not None and path.is_file() else None


def _watermark(path: Path, manifest: ManifestReading, folder: Path | None) -> Reading:
    """UserError: no video, and no manifest either that would tell what it was."""
    if manifest.said is not None:
        known = [job_bits(str(manifest.said.get("job")))]
    else:
        known = JobStore(folder).all_bits() if folder is not None else []
    try:
        return read_watermark(path, known)
    except BadClip:
        if manifest.state in ("none", "foreign"):
            raise
        return Reading(False, None, 1.0, 0)


def _record(path: Path, manifest: ManifestReading, watermark: Reading, folder: Path | None) -> dict[str, Any] | None:
    if folder is None:
        return None
    store = JobStore(folder)
    if manifest.said is not None:
        return store.read(str(manifest.said.get("job")))
    if watermark.bits is not None:
        return store.with_bits(watermark.bits)
    return store.with_output(sha256_of(path))


def _problem(manifest: ManifestReading, watermark: Reading, trust: Path | None) -> str | None:
    """What is wrong with a manifest of ours; None where nothing is, or there is none."""
    if manifest.state == "damaged":
        return manifest.problem or "the manifest does not hold"
    if manifest.state != "valid":
        return None
    assert manifest.said is not None
    if trust is not None and not manifest.trusted:
        return f"it was signed by {manifest.signer}, and {trust.name} does not vouch for that"
    if watermark.bits is not None and watermark.bits != job_bits(str(manifest.said.get("job"))):
        return f"its watermark ({watermark.bits}) is another job's"
    return None


def _sentence(
    state: str,
    manifest: ManifestReading,
    watermark: Reading,
    job: str | None,
    record: dict[str, Any] | None,
    problem: str | None,
    trust: Path | None,
) -> str:
    name = f"job {job}" if job else "a job that this home does not know"
    if state == INTACT:
        signed = "nothing was changed since it was signed"
        if manifest.trusted:
            signed += f", by whom {trust.name} vouches for" if trust is not None else ", by this home"
        return f"Synthetic, made by SwapTalk in {name}: the manifest holds, {signed}."
    if state == TAMPERED:
        still = f"; the watermark is still there ({watermark.bits})" if watermark.found and not job else ""
        made = f"made by SwapTalk in {name}" if job or watermark.found else "with a manifest"
        return f"Tampered: {made}, but {problem}{still}."
    if state == STRIPPED:
        other = f" (it carries one of {manifest.signer})" if manifest.state == "foreign" else ""
        return (
            f"Synthetic, made by SwapTalk in {name}: the manifest is gone{other}, "
            f"but the watermark in the face is there ({watermark.bits})."
        )
    if record is not None:
        reason = record["marks"].get("unmarked")
        return f"No mark was found, but this home made this very file in {name}, unmarked: {reason}."
    other = f" It carries a manifest of another program, signed by {manifest.signer}." if manifest.signer else ""
    return f"No mark of SwapTalk was found, which does not prove that it is real.{other}"
