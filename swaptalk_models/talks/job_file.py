"""A file of many talks: YAML (a list, or `talks:` with what they share under `all:`), or JSON lines, a talk a line."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from swaptalk_models.errors import UserError

_FILES = ("source", "target", "audio", "output")


@dataclass(frozen=True)
class Talk:
    """One video that is wanted. Paths are absolute."""

    source: str
    target: str
    audio: str
    output: str
    face: int | None = None
    source_face: int | None = None
    detail: bool = True
    label: bool = False
    consent: str | None = None
    unmarked: str | None = None


@dataclass(frozen=True)
class BadTalk:
    """A talk that cannot be understood."""

    name: str
    """Its output, or where it stands."""
    reason: str


def read_talks(path: Path) -> list[Talk | BadTalk]:
    """The talks of a file; its relative paths are taken from the file's own folder.

    Raises:
        UserError: the file cannot be read, or is neither; a single talk that makes no sense is a BadTalk.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    rows, shared = _json_lines(path, text) if path.suffix.lower() in (".jsonl", ".ndjson") else _yaml(path, text)
    if not rows:
        raise UserError(f"{path}: no talks in it")
    folder, seen, talks = path.absolute().parent, set[str](), []
    for number, row in enumerate(rows, start=1):
        talk = _talk(row, shared, folder, number)
        if isinstance(talk, Talk) and talk.output in seen:
            talk = BadTalk(Path(talk.output).name, "another talk of this file has the same output")
        if isinstance(talk, Talk):
            seen.add(talk.output)
        talks.append(talk)
    return talks


def _json_lines(path: Path, text: str) -> tuple[list[Any], dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise UserError(f"{path}: line {number} is no JSON: {error}") from None
    return rows, {}


def _yaml(path: Path, text: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    shared: Any = {}
    if isinstance(read, dict):
        unknown = set(read) - {"talks", "all"}
        if unknown:
            raise UserError(f"{path}: {min(map(str, unknown))!r} is neither `talks` nor `all`")
        shared, read = read.get("all") or {}, read.get("talks")
    if not isinstance(read, list) or not isinstance(shared, dict):
        raise UserError(f"{path}: a list of talks is wanted, or `talks:` with one")
    return read, shared


def _talk(row: Any, shared: dict[str, Any], folder: Path, number: int) -> Talk | BadTalk:
    if not isinstance(row, dict):
        return BadTalk(f"talk {number}", "is no mapping of names to values")
    values = shared | row
    name = Path(str(values.get("output") or f"talk {number}")).name
    known = {field.name: field.type for field in fields(Talk)}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            return BadTalk(name, f"{key!r} is not known{f': was {near[0]!r} meant?' if near else ''}")
        wanted = {"bool": bool, "int | None": int}.get(str(known[key]), str)
        may_lack = value is None and "None" in str(known[key])
        if not may_lack and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
            return BadTalk(name, f"{key}: {value!r} is no {wanted.__name__}")
    missing = [key for key in _FILES if not values.get(key)]
    if missing:
        return BadTalk(name, f"{missing[0]} is missing")
    return Talk(**values | {key: str(folder / Path(values[key]).expanduser()) for key in _FILES})
