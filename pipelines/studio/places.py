"""Where the studio keeps things, and what names of things in it look like.

HOME/studio/uploads/ID/   an upload, and what was seen in it
HOME/studio/talks/ID.json what was asked for in the studio; its state is in the home's queue, HOME/talks
HOME/studio/videos/       the finished videos
HOME/studio/maker.lock    held by the maker while it lives; maker.log has what it says
HOME/studio/token         who may use the studio from elsewhere, 0600
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

_ID = re.compile(r"[0-9a-f]{12,32}")
_LONGEST_NAME = 120


@dataclass(frozen=True)
class StudioPlace:
    """The studio of one home. Light: nothing is made but by ``create``."""

    home: Path

    def create(self) -> StudioPlace:
        """Make the folders. UserError: the home cannot be made."""
        from swaptalk_models.data.store.storage_home import open_home
        from swaptalk_models.errors import UserError

        open_home(self.home, begin=True).create()
        try:
            for folder in (self.uploads, self.talks, self.videos):
                folder.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)  # other people's faces and voices
        except OSError as error:
            raise UserError(f"{self.root}: cannot hold the studio's files: {error.strerror}") from None
        return self

    @property
    def root(self) -> Path:
        return self.home / "studio"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def talks(self) -> Path:
        return self.root / "talks"

    @property
    def videos(self) -> Path:
        return self.root / "videos"

    @property
    def maker_lock(self) -> Path:
        return self.root / "maker.lock"

    @property
    def maker_log(self) -> Path:
        return self.root / "maker.log"

    @property
    def token(self) -> Path:
        return self.root / "token"


def new_id() -> str:
    """A name that nobody can guess."""
    return secrets.token_hex(8)


def is_id(name: str) -> bool:
    """Whether a name is one of ours: only such ones become part of a path."""
    return _ID.fullmatch(name) is not None


def shown_name(given: str, otherwise: str) -> str:
    """The name of somebody's file as it is shown: its last part, without what a terminal or page would stumble over."""
    last = re.split(r"[/\\]", given)[-1]
    clean = " ".join("".join(letter for letter in last if letter.isprintable()).split())
    if len(clean) > _LONGEST_NAME:
        stem, dot, kind = clean.rpartition(".")
        end = f"…{dot}{kind}" if dot and len(kind) <= 8 else "…"
        clean = (stem if len(end) > 1 else clean)[: _LONGEST_NAME - len(end)] + end
    return clean or otherwise
