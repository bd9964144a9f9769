"""The API in OpenAPI 3.1: one row an address. A test holds the rows against the routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from swaptalk_models.provenance.manifest import version


@dataclass(frozen=True)
class Endpoint:
    """One address and what is done there."""

    method: str
    path: str
    summary: str
    gives: str = "object"
    """Schema of a good answer, or a media type."""
    status: int = 200
    takes: str | None = None
    """Schema of the body."""
    refuses: dict[int, str] = field(default_factory=dict)
    """{status: when}"""
    group: str = "talks"


_NO_TALK = {404: "there is no such talk"}
_NO_UPLOAD = {404: "there is no such upload"}
_FILE = {
    400: "no form with one file and a role",
    413: "larger than is taken here",
    415: "not multipart/form-data",
    422: "the file cannot be used: damaged, no face, no sound; or it needs more time or memory than it may",
    507: "the disk is nearly full",
}
ENDPOINTS = (
    Endpoint("GET", "/api/studio", "The release in use, limits, and what is wrong", "Studio", group="studio"),
    Endpoint(
        "POST", "/api/uploads", "Send a file, which is looked at", "Upload", 201, "UploadForm", _FILE, "uploads"
    ),
    Endpoint("GET", "/api/uploads/{id}", "An upload", "Upload", refuses=_NO_UPLOAD, group="uploads"),
    Endpoint(
        "DELETE", "/api/uploads/{id}", "Remove an upload", "", 204,
        refuses=_NO_UPLOAD | {409: "a video was made of it"}, group="uploads",
    ),
    Endpoint("GET", "/api/uploads/{id}/picture", "The picture, or a frame", "image/jpeg", refuses=_NO_UPLOAD, group="uploads"),
    Endpoint("GET", "/api/uploads/{id}/faces/{number}", "One face, cut out", "image/jpeg", refuses=_NO_UPLOAD, group="uploads"),
    Endpoint("GET", "/api/uploads/{id}/sound", "The voice as the networks hear it", "audio/wav", refuses=_NO_UPLOAD, group="uploads"),
    Endpoint(
        "POST", "/api/preview", "One frame as it will be; without a voice, the face alone", "Preview", 200, "PreviewWish",
        {404: "there is no such upload", 422: "nobody is seen in it, or there is no such face", 503: "it takes too long"},
    ),
    Endpoint("GET", "/api/talks", "All talks, the newest first", "Talks"),
    Endpoint(
        "POST", "/api/talks", "Ask for a video. The same again is the same talk (200)", "Talk", 201, "Wish",
        {404: "there is no such upload", 422: "no consent is told, or there is no such face", 503: "too many wait"},
    ),
    Endpoint("GET", "/api/talks/{id}", "A talk: state, progress, lineage", "Talk", refuses=_NO_TALK),
    Endpoint("DELETE", "/api/talks/{id}", "Remove a talk, its video, and files that were sent for it alone", "", 204, refuses=_NO_TALK | {409: "it is being made"}),
    Endpoint("GET", "/api/talks/{id}/events", "The talk as it changes, until it is over", "text/event-stream", refuses=_NO_TALK),
    Endpoint("POST", "/api/talks/{id}/cancel", "Take it out of the queue, or end the work on it", "Talk", refuses=_NO_TALK | {409: "it is over"}),
    Endpoint("POST", "/api/talks/{id}/retry", "Try again what was refused, failed or cancelled", "Talk", refuses=_NO_TALK | {409: "it is not over, or went well"}),
    Endpoint("GET", "/api/talks/{id}/video", "The finished video; ?download=1 to save it", "video/mp4", refuses=_NO_TALK),
    Endpoint("GET", "/api/talks/{id}/target", "The target as it goes under the video, small and silent", "video/mp4", refuses=_NO_TALK),
    Endpoint("GET", "/api/talks/{id}/verification", "What the video's marks say, as swaptalk verify", "Verification", refuses=_NO_TALK),
    Endpoint("GET", "/api/events", "All talks as they change", "text/event-stream"),
    Endpoint("GET", "/openapi.json", "This description", group="studio"),
)  # fmt: skip


def _text(said: str = "") -> dict[str, Any]:
    return {"type": "string"} | ({"description": said} if said else {})


def _maybe(kind: str, said: str = "") -> dict[str, Any]:
    return {"type": [kind, "null"]} | ({"description": said} if said else {})


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    kept = {"type": "object", "properties": properties}
    return kept | ({"required": list(required)} if required else {})


_UPLOADS = {
    "source": _text("id of an upload: whose face"),
    "target": _text("id of an upload: head, hair and background"),
}
_CHOICES = {
    "face": _maybe("integer", "which face of the target, from 1; null: the largest and most central"),
    "source_face": _maybe("integer", "which face of the source"),
    "detail": {"type": "boolean", "default": True, "description": "skin, hair and lashes as fine as in the source"},
}
_STRINGS = {"type": "array", "items": {"type": "string"}}
SCHEMAS: dict[str, Any] = {
    "Error": _object(("error",), error=_text("one line for people")),
    "Studio": _object(
        release=_maybe("string"),
        knows=_maybe("string", "whom the release was trained on"),
        problem=_maybe("string", "what is wrong with the studio"),
        most_mb={"type": "integer", "description": "largest upload (MB)"},
        most_minutes={"type": "number", "description": "longest voice (min)"},
        dagster=_maybe("string", "address of the Dagster UI beside it"),
    ),
    "UploadForm": _object(
        ("role", "file"),
        role={"enum": ["source", "target", "voice"]},
        file={"type": "string", "contentMediaType": "application/octet-stream"},
    ),
    "Upload": _object(
        ("id", "role", "name", "size", "sha256", "kind"),
        id=_text(),
        role={"enum": ["source", "target", "voice"]},
        name=_text("as its owner calls it"),
        size={"type": "integer", "description": "bytes"},
        sha256=_text(),
        time=_text("UTC, ISO 8601"),
        kind={"enum": ["picture", "video", "sound"]},
        width={"type": "integer"},
        height={"type": "integer"},
        seconds={"type": "number"},
        faces={
            "type": "array",
            "items": _object(
                number={"type": "integer"},
                box={
                    "type": "array",
                    "items": {"type": "number"},
                    "description": "x0, y0, x1, y1, as shares of the picture",
                },
                picture=_text("address"),
            ),
        },
        picture=_text("address"),
        sound=_text("address"),
        peaks={"type": "array", "items": {"type": "number"}, "description": "loudness along the voice, 0 to 1"},
        notes=_STRINGS,
    ),
    "PreviewWish": _object(("source", "target"), **_UPLOADS, voice=_maybe("string", "id of an upload"), **_CHOICES),
    "Preview": _object(
        ("picture", "notes", "seconds"),
        picture=_text("data address of a JPEG"),
        notes=_STRINGS,
        seconds={"type": "number", "description": "that it took"},
    ),
    "Wish": _object(
        ("source", "target", "voice", "consent"),
        **_UPLOADS,
        voice=_text("id of an upload: what is to be said"),
        consent=_text("who agreed, to what; kept in the job's record"),
        **_CHOICES,
        label={"type": "boolean", "default": False, "description": "draw a label that people see: AI-generated"},
    ),
    "Talk": _object(
        ("id", "state"),
        id=_text(),
        state={"enum": ["queued", "running", "done", "refused", "failed", "cancelled"]},
        reason=_maybe("string", "why it was refused, or failed"),
        notes=_STRINGS,
        progress={
            "type": ["object", "null"],
            "properties": {
                "part": {"enum": ["load", "follow", "generate", "finish"]},
                "done": {"type": "integer", "description": "frames"},
                "of": {"type": "integer"},
            },
        },
        ending={"type": "boolean", "description": "it was cancelled, and the work on it is about to end"},
        ahead={"type": "integer", "description": "talks that are made before it"},
        asked=_text("UTC, ISO 8601"),
        changed=_text("UTC, ISO 8601"),
        attempts={"type": "integer"},
        files={"type": "object", "description": "name and sha256 of source, target and voice"},
        uploads={"type": "object", "description": "ids of source, target and voice"},
        **_CHOICES,
        label={"type": "boolean"},
        consent=_maybe("string"),
        video=_maybe("string", "address, once it is done"),
        beside=_maybe("string", "address of the target as it goes under the video"),
        frames={
            "type": ["object", "null"],
            "description": "how many, in how many a face was made, how many passed through and why",
        },
        run=_maybe("string", "the Dagster run that made it"),
        lineage={"type": ["object", "null"], "description": "job, release, snapshot, hashes, consent, marks"},
    ),
    "Talks": {"type": "array", "items": {"$ref": "#/components/schemas/Talk"}},
    "Verification": _object(
        ("state", "said"),
        state={"enum": ["intact", "tampered", "stripped", "none"]},
        said=_text("one sentence"),
        manifest={"type": "object"},
        watermark={"type": "object"},
        job=_maybe("string"),
        release=_maybe("string"),
    ),
}


def document() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, Any] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SwapTalk Studio",
            "version": version(),
            "description": 'Talking faces: a face, a video and a voice in, a marked video out. Refusals are {"error": one line for people}.',
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "where the studio asks for one"}
            },
        },
        "security": [{}, {"token": []}],
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    answers: dict[str, Any] = {str(one.status): {"description": one.summary} | _content(one.gives)}
    for status, when in one.refuses.items():
        answers[str(status)] = {"description": when} | _content("Error")
    answers["401"] = {"description": "a token is wanted"} | _content("Error")
    kept: dict[str, Any] = {"summary": one.summary, "tags": [one.group], "responses": answers}
    names = [piece[1:-1] for piece in one.path.split("/") if piece.startswith("{")]
    if names:
        kept["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "integer" if name == "number" else "string"},
            }
            for name in names
        ]
    if one.takes is not None:
        form = "multipart/form-data" if one.takes.endswith("Form") else "application/json"
        kept["requestBody"] = {"required": True, "content": {form: {"schema": _reference(one.takes)}}}
    return kept


def _content(gives: str) -> dict[str, Any]:
    if not gives:
        return {}
    if "/" in gives:
        return {"content": {gives: {}}}
    return {"content": {"application/json": {"schema": _reference(gives)}}}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"} if name in SCHEMAS else {"type": name}
