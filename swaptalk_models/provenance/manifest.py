"""The signed manifest in a video: C2PA, as cameras, editors and news rooms read it.

It says that the file was made and how, by which job and release, and from what: source, target and voice by their hashes, never
by their pixels. Everything is done offline; no time authority is asked.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from swaptalk_models.data.media.mp4_boxes import read_top_boxes
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError
from swaptalk_models.provenance.identity import Identity

CLAIM = "org.swaptalk.job"
"""Label of our own assertion."""
MADE_OF_BOTH = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's word for a picture of which a part was made by a trained network: the face, in somebody's video."""
MISSING = (
    "the package c2pa-python is missing, which signs videos: `pip install c2pa-python`, or name the reason why this "
    "one goes without marks: --unmarked REASON"
)
_BEGIN = 1 << 18  # bytes of a file in which a manifest begins
_TRACE = b"c2pa.claim"
_NOT_HASHED = ("ftyp", "free", "skip", "mfra")  # boxes that C2PA's own hash leaves out
_MANIFEST_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # what its `uuid` box begins with
_SEAL = b"swaptalk"
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


@dataclass(frozen=True)
class Claim:
    """What a manifest says of a video."""

    job: str
    release: str
    time: str
    """UTC, ISO 8601."""
    inputs: dict[str, str]
    """SHA-256 (hex) by role: source, target, voice."""
    names: dict[str, str]
    """File names by role. Only what kind of file each is goes into the manifest."""
    watermark: str | None
    """The bits that the pixels say; None where they say nothing."""


@dataclass(frozen=True)
class ManifestReading:
    """What was found in a file."""

    state: str
    """"valid", "damaged" (the file or the manifest was changed since it was signed), "foreign" (another program's), or "none"."""
    trusted: bool | None = None
    """Whether the certificate that was given vouches for the signer; None where none was given."""
    signer: str | None = None
    said: dict[str, Any] | None = None
    """Our own assertion: "job", "release", "inputs", "watermark"."""
    problem: str | None = None
    """Why it is damaged."""

    def to_json(self) -> dict[str, Any]:
        """For `verify --json`."""
        return {
            "state": self.state,
            "trusted": self.trusted,
            "signer": self.signer,
            "problem": self.problem,
            "inputs": (self.said or {}).get("inputs"),
        }


def can_sign() -> bool:
    """Whether the library that signs is there."""
    try:
        import c2pa  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def require_signing() -> None:
    """UserError: the library that signs is missing."""
    if not can_sign():
        raise UserError(MISSING)


def sign(path: Path, identity: Identity, claim: Claim) -> None:
    """Put the manifest into an mp4, in place; picture and sound stay as they are, to the bit.

    Raises:
        UserError: the library is missing, or refuses.
    """
    require_signing()
    import c2pa

    definition = _definition(claim, _digest_of_the_rest(path))
    settings = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}} | _OFFLINE)
    try:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", identity.chain, identity.key, None))
        with atomic_write(path) as aside, open(path, "rb") as plain, open(aside, "w+b") as signed:
            c2pa.Builder(definition, c2pa.Context(settings)).sign(signer, "video/mp4", plain, signed)
        seal = _seal(path)
        with open(path, "ab") as file:
            file.write((8 + len(seal)).to_bytes(4, "big") + b"free" + seal)
    except c2pa.C2paError as error:
        raise UserError(f"{path}: cannot be signed ({error}); was the home's identity folder changed?") from error


def read_manifest(path: Path, trust: bytes | None = None) -> ManifestReading:
    """Read and check the manifest of any media file.

    Args:
        trust: a root certificate, PEM, as `read_root` gives it: who is to have signed.

    Raises:
        UserError: the library is missing.
    """
    try:
        import c2pa
    except (ImportError, OSError):
        raise UserError(
            "the package c2pa-python is missing, which checks manifests: `pip install c2pa-python`"
        ) from None
    settings: dict[str, Any] = {"verify": _OFFLINE["verify"] | {"verify_trust": trust is not None}}
    if trust is not None:
        settings["trust"] = {"user_anchors": trust.decode("ascii")}
    try:  # through a stream: the library takes no name that is not UTF-8
        with (
            open(path, "rb") as file,
            c2pa.Reader("video/mp4", file, context=c2pa.Context(c2pa.Settings.from_dict(settings))) as reader,
        ):
            manifest, results = reader.get_active_manifest() or {}, reader.get_validation_results() or {}
            state = reader.get_validation_state()
    except c2pa.C2paError as error:
        return _unreadable(path, str(error))
    except (KeyError, ValueError):
        return ManifestReading("damaged", problem="the manifest contradicts itself")
    return _judged(path, manifest, results, state, trust is not None)


def _judged(
    path: Path, manifest: dict[str, Any], results: dict[str, Any], state: str | None, asked: bool
) -> ManifestReading:
    signer = (manifest.get("signature_info") or {}).get("common_name")
    said = next((one["data"] for one in manifest.get("assertions", []) if one.get("label") == CLAIM), None)
    failures = (results.get("activeManifest") or {}).get("failure", [])
    problem = next(
        (one.get("explanation") or one["code"] for one in failures if one["code"] != "signingCredential.untrusted"),
        "the signature does not hold" if state not in ("Valid", "Trusted") else None,
    )
    if said is None:
        return ManifestReading("damaged" if problem else "foreign", None, signer, None, problem)
    if problem is None and (said.get("rest") != _digest_of_the_rest(path) or not _is_sealed(path)):
        problem = "bytes outside of picture and sound were changed"
    return ManifestReading(
        "damaged" if problem else "valid", state == "Trusted" if asked else None, signer, said, problem
    )


def _unreadable(path: Path, why: str) -> ManifestReading:
    """A file without a manifest, or with one that is beyond reading: its words still lie there."""
    with open(path, "rb") as file:
        there = _TRACE in file.read(_BEGIN)
    return ManifestReading("damaged", problem=" ".join(why.split())) if there else ManifestReading("none")


def _definition(claim: Claim, rest: str) -> dict[str, Any]:
    """The manifest as the library takes it."""
    agent = {"name": "SwapTalk", "version": version()}
    created = {
        "action": "c2pa.created",
        "when": claim.time,
        "digitalSourceType": MADE_OF_BOTH,
        "softwareAgent": agent,
    }
    job = {
        "job": claim.job,
        "release": claim.release,
        "inputs": claim.inputs,
        "watermark": claim.watermark,
        "rest": rest,
    }
    return {
        "claim_generator_info": [agent],
        "title": "SwapTalk video",
        "format": "video/mp4",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": CLAIM, "data": job},
        ],
        "ingredients": [
            {
                "title": role,
                "format": mimetypes.guess_type(claim.names.get(role, ""))[0] or "application/octet-stream",
                "instance_id": f"urn:sha256:{digest}",
                "relationship": "inputTo",
            }
            for role, digest in claim.inputs.items()
        ],
    }


def _digest_of_the_rest(path: Path) -> str:
    """SHA-256 (hex) of the boxes that C2PA leaves out of its hash; of the seal it says nothing."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for name, start, end in list(read_top_boxes(file)):
            if name in _NOT_HASHED:
                file.seek(start)
                content = file.read(end - start)
                if not content.startswith(_SEAL):
                    digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _seal(path: Path) -> bytes:
    """Content of the last box of a signed file: the hash of the manifest's own box.

    A signature does not cover all that stands around it: names, padding. Whoever wants to may write a new seal; but no byte of a
    file is changed by accident, or carries a message, unseen.
    """
    with open(path, "rb") as file:
        for name, start, end in list(read_top_boxes(file)):
            file.seek(start)
            if name == "uuid" and file.read(len(_MANIFEST_BOX)) == _MANIFEST_BOX:
                return _SEAL + hashlib.sha256(_MANIFEST_BOX + file.read(end - start - len(_MANIFEST_BOX))).digest()
    return b""


def _is_sealed(path: Path) -> bool:
    """Whether a file ends in the seal of its manifest."""
    seal = _seal(path)
    with open(path, "rb") as file:
        *_, (name, start, end) = read_top_boxes(file)
        file.seek(start)
        return bool(seal) and name == "free" and file.read() == seal and end - start == len(seal)


def version() -> str:
    """Of SwapTalk, as it is installed."""
    try:
        return metadata.version("swaptalk")
    except metadata.PackageNotFoundError:
        return "0"
