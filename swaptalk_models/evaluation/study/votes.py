"""Votes as they come back: JSON lines, one a pair that somebody has judged.

    {"study": VERSION, "rater": "9f…", "item": "i03", "left": VIDEO, "right": VIDEO, "choice": "left", "seconds": 8.2, "at": "2026-…"}

``left`` and ``right`` say what stood there for this rater, for whom the sides may have been mirrored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.record import Study

LEFT, RIGHT, SAME = "left", "right", "same"
RATER = re.compile(r"[0-9a-f]{8,64}")
"""How a rater is called: a number that the page draws."""
_LONGEST = 2000
"""Letters of a line; more is no vote."""


@dataclass(frozen=True)
class Vote:
    """What one rater thought of one pair."""

    rater: str
    item: str
    side: str
    """LEFT, RIGHT or SAME, as the rater saw it."""
    chosen: str
    """Video that was preferred; empty: neither."""
    mirrored: bool
    """Whether the rater saw the pair mirrored."""


def study_of(files: Sequence[Path]) -> str:
    """The version of the study that the first vote of these files belongs to.

    Raises:
        UserError: they hold no vote; or the line is none, by file and number.
    """
    for file in files:
        for where, line in _lines(file):
            return str(_fields(line, where)["study"])
    raise UserError(f"{', '.join(map(str, files))}: no vote in there")


def read_votes(files: Sequence[Path], study: Study) -> list[Vote]:
    """The votes of all files; of a rater's several on one pair the last counts.

    Raises:
        UserError: a line that is no vote of this study, by file and number.
    """
    found: dict[tuple[str, str], Vote] = {}
    for file in files:
        for where, line in _lines(file):
            vote = vote_of(_fields(line, where), study, where)
            found.pop((vote.rater, vote.item), None)
            found[vote.rater, vote.item] = vote
    return list(found.values())


def vote_of(said: dict[str, Any], study: Study, where: str) -> Vote:
    """One vote from its fields.

    Raises:
        UserError: it is none of this study; the message begins with ``where``.
    """
    if said["study"] != study.version:
        raise UserError(f"{where}: of study {said['study']!r}, the others are of {study.version!r}: read them apart")
    item = next((one for one in study.items if one.id == said["item"]), None)
    if item is None:
        raise UserError(f"{where}: study {study.version} has no pair {said['item']!r}")
    if not RATER.fullmatch(said["rater"]):
        raise UserError(f"{where}: rater {said['rater']!r} is no number that the page has drawn")
    sides = said["left"], said["right"]
    if set(sides) != {item.left, item.right}:
        raise UserError(f"{where}: pair {item.id} does not show {said['left']!r} and {said['right']!r}")
    choices = dict(zip((LEFT, RIGHT, SAME), (*sides, ""), strict=True))
    if said["choice"] not in choices:
        raise UserError(f"{where}: choice is {said['choice']!r}: {', '.join(choices)} are the choices")
    return Vote(said["rater"], item.id, said["choice"], choices[said["choice"]], sides[0] != item.left)


def _lines(file: Path) -> Iterable[tuple[str, str]]:
    """(where it stands, line) of each that is not empty."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{file}: not a file of votes: it is no text") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"{file}, line {number}", line


def _fields(line: str, where: str) -> dict[str, Any]:
    try:
        said = json.loads(line) if len(line) <= _LONGEST else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise UserError(f"{where}: not a vote: one JSON object a line is expected")
    for name in ("study", "rater", "item", "left", "right", "choice"):
        if not isinstance(said.get(name), str):
            raise UserError(f"{where}: not a vote: {name} is missing, or no text")
    return said
