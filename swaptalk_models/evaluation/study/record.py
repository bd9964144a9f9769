"""A study as it is kept: the page that people see, and the key that says whose videos they were.

HOME/studies/VERSION/
    study.html      the page; videos/ beside it where they are not embedded
    key.json        whose video is which, and the right answers: not for those who judge
    votes/          what comes back where the page is served, a file a judge
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError

PAGE_FILE, KEY_FILE = "study.html", "key.json"
VOTES_FOLDER, VIDEOS_FOLDER = "votes", "videos"

QUESTIONS = {
    "realism": "Which of the two looks and sounds more like a real person talking?",
    "lips": "In which of the two do the lips follow the voice better?",
    "identity": "Which of the two looks more like the person in the picture?",
}
"""What people are asked, one question a study."""


@dataclass(frozen=True)
class Shown:
    """One video of a study."""

    contestant: str
    scene: str
    figures: Mapping[str, float]
    """What our metrics say of it."""


@dataclass(frozen=True)
class Item:
    """One pair of a study; what stands there are ids of videos, which say nothing."""

    id: str
    left: str
    right: str
    scene: str
    answer: str = ""
    """Of an attention check, the video that everybody would choose."""


@dataclass(frozen=True)
class Study:
    """All that the votes are read by."""

    version: str
    question: str
    """A key of QUESTIONS."""
    seed: int
    items: tuple[Item, ...]
    videos: Mapping[str, Shown]
    """By id; those of attention checks are not among them."""

    @property
    def contestants(self) -> list[str]:
        return sorted({video.contestant for video in self.videos.values()})


def studies_folder(home: Home) -> Path:
    return home.root / "studies"


def write_key(study: Study, folder: Path) -> Path:
    """The key's file."""
    path = folder / KEY_FILE
    with atomic_write(path) as aside:
        aside.write_text(json.dumps(asdict(study), indent=1))
    return path


def read_key(path: Path) -> Study:
    """
    Raises:
        UserError: it is not there, or no key of a study.
    """
    try:
        said = json.loads(path.read_text())
        items = tuple(Item(**item) for item in said["items"])
        videos = {name: Shown(**video) for name, video in said["videos"].items()}
        return Study(said["version"], said["question"], said["seed"], items, videos)
    except FileNotFoundError:
        raise UserError(
            f"{path}: not there: a study's key lies in the home that made it; name that with --home"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path}: damaged: not the key of a study") from None


def newest_study(home: Home) -> Path:
    """Folder of the study that was made last.

    Raises:
        UserError: there is none.
    """
    keys = sorted(studies_folder(home).glob(f"*/{KEY_FILE}"), key=lambda path: path.stat().st_mtime)
    if not keys:
        raise UserError(f"no study in {home.root}: make one with `swaptalk study --home {home.root}`")
    return keys[-1].parent
