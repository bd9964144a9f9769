"""What the studio answers with where it cannot do what it is asked: plain words and a status."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from swaptalk_models.errors import UserError


class Refusal(UserError):
    """``str(error)`` is one line for people."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        """Of HTTP."""


def plain(said: str, names: Mapping[Path, str]) -> str:
    """What somebody is to read: files are called what he calls them, not where they lie.

    Args:
        names: {path: name of the user's own file}.
    """
    for path, name in names.items():
        said = said.replace(str(path), name).replace(path.name, name)
    return " ".join(said.split())
