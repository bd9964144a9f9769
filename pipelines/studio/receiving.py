"""One file out of a form that a browser sends, straight to the disk: never more than a piece of it is in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from pipelines.studio.refusal import Refusal

_LONGEST_FIELD = 4096  # bytes of what is no file
_NO_FORM = "a form with one file is wanted: multipart/form-data with the fields role and file"


@dataclass
class Received:
    """What came."""

    name: str = ""
    """As the sender calls the file: for people, never a path."""
    size: int = 0
    """bytes"""
    sha256: str = ""
    fields: dict[str, str] = field(default_factory=dict)


async def receive(content_type: str, pieces: AsyncIterator[bytes], path: Path, most: int) -> Received:
    """Write the form's file to ``path``.

    Args:
        content_type: header of the request.
        most: bytes that the file may have.

    Raises:
        Refusal: no such form, no file or several in it, an empty one, or one that is too large.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Refusal(415, _NO_FORM)
    with open(path, "wb") as file:  # noqa: ASYNC230  (a local disk, and small pieces)
        form = _Form(file, most)
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]  # a dict of functions, as it says
        try:
            async for piece in pieces:
                parser.write(piece)
            parser.finalize()
        except MultipartParseError:
            raise Refusal(400, _NO_FORM) from None
    if not form.ended:
        raise Refusal(400, "the upload was cut off: send it again")
    if form.files != 1:
        raise Refusal(400, _NO_FORM)
    received = form.received
    received.sha256 = form.digest.hexdigest()
    if not received.size:
        raise Refusal(422, f"{received.name or 'the file'}: empty file (0 bytes)")
    return received


class _Form:
    """What python-multipart tells, part by part."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self.file, self.most, self.digest = file, most, hashlib.sha256()
        self.received, self.files, self.ended = Received(), 0, False
        self.header, self.value = bytearray(), bytearray()
        self.field, self.is_file, self.text = "", False, bytearray()

    def callbacks(self) -> dict[str, object]:
        return {
            name: getattr(self, name)
            for name in (
                *("on_part_begin", "on_header_field", "on_header_value", "on_header_end"),
                *("on_part_data", "on_part_end", "on_end"),
            )
        }

    def on_part_begin(self) -> None:
        self.field, self.is_file, self.text = "", False, bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]
        if len(self.value) > _LONGEST_FIELD:
            raise Refusal(400, _NO_FORM)

    def on_header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self.value))
            self.field = options.get(b"name", b"").decode(errors="replace")
            if b"filename" in options:
                self.is_file, self.files = True, self.files + 1
                self.received.name = options[b"filename"].decode(errors="replace")
        self.header, self.value = bytearray(), bytearray()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if not self.is_file:
            self.text += piece
            if len(self.text) > _LONGEST_FIELD:
                raise Refusal(400, _NO_FORM)
            return
        self.received.size += len(piece)
        if self.received.size > self.most:
            raise too_large(self.received.name, self.most)
        if self.files > 1:
            raise Refusal(400, _NO_FORM)
        self.digest.update(piece)
        self.file.write(piece)

    def on_part_end(self) -> None:
        if not self.is_file and self.field:
            self.received.fields[self.field] = self.text.decode(errors="replace")

    def on_end(self) -> None:
        self.ended = True


def too_large(name: str, most: int) -> Refusal:
    """The file has more than ``most`` bytes."""
    return Refusal(
        413, f"{name or 'the file'}: larger than the {most / 1e6:.0f} MB that are taken here: make it smaller"
    )
