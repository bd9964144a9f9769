"""What the API is asked, in JSON: read, and held against what it may be, in plain words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from pipelines.studio.refusal import Refusal

_LONGEST = 1 << 16
_WORDS = {str: "a text", int: "a whole number", bool: "true or false"}
_LONGEST_TEXT = 2000


async def asked(request: Request, wanted: Mapping[str, type], required: tuple[str, ...]) -> dict[str, Any]:
    """The request's object; what is null is left out.

    Args:
        wanted: {name: kind} of all that may be in it.

    Raises:
        Refusal: no JSON object, an unknown name, a value of another kind, or something is missing.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST:
            raise Refusal(413, "that is more than anybody asks for")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "send JSON, with `Content-Type: application/json`")
    try:
        said = json.loads(body)
    except ValueError as error:
        raise Refusal(400, f"that is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise Refusal(400, "a JSON object is wanted")
    for name, value in said.items():
        if name not in wanted:
            near = difflib.get_close_matches(name, wanted, 1)
            raise Refusal(400, f"{name[:40]!r} is not known{f': was {near[0]!r} meant?' if near else ''}")
        kind = wanted[name]
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise Refusal(400, f"{name}: is to be {_WORDS[kind]}")
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise Refusal(400, f"{name}: longer than {_LONGEST_TEXT} letters")
    given = {name: value for name, value in said.items() if value is not None}
    for name in required:
        if name not in given:
            raise Refusal(400, f"{name} is missing")
    return given
