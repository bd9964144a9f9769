"""Makes a study: one HTML page of blinded pairs that works from a file, and the key to it (evaluation/study/record.py)."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image
from tqdm import tqdm

from swaptalk_models.data.media.video import read_image
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.design import Duel, check_sides, draw_duels
from swaptalk_models.evaluation.study.entries import Entry
from swaptalk_models.evaluation.study.record import (
    KEY_FILE,
    PAGE_FILE,
    QUESTIONS,
    VIDEOS_FOLDER,
    Item,
    Shown,
    Study,
    studies_folder,
    write_key,
)
from swaptalk_models.reporting.study_videos import first_frame, shown_video
from swaptalk_models.settings.methods import SELF

_HERE = Path(__file__).parent
MOST_EMBEDDED = 64 << 20
"""Bytes of video that one page holds: what a phone opens."""
_PICTURE = 240  # px


@dataclass(frozen=True)
class StudyPlan:
    """What is asked of a study."""

    question: str = "realism"
    """A key of QUESTIONS."""
    pairs: int = 30
    """Pairs that everybody sees, at most."""
    checks: int = 6
    """Attention checks among them."""
    seconds: float = 8.0
    """Length of a video (s), at most."""
    seed: int = 0
    """Seed of the design."""
    embed: bool = True
    """Whether the videos are in the page; else in a folder beside it."""

    def __post_init__(self) -> None:
        if self.question not in QUESTIONS:
            raise UserError(f"question {self.question!r}: there are {', '.join(QUESTIONS)}")
        if self.pairs < 1 or self.checks < 0 or self.seconds < 1 or self.seed < 0:
            raise UserError(
                "a study has at least one pair, of at least a second, and no fewer than 0 checks; its seed is at least 0"
            )


def make_study(home: Home, entries: Sequence[Entry], plan: StudyPlan) -> Memoised[Path]:
    """Write HOME/studies/VERSION, unless this very study is there. Gives the path of the page.

    Raises:
        UserError: nothing can be held against each other, or a video is missing, or all are too large for a page.
    """
    duels = draw_duels(entries, plan.pairs, plan.seed)
    shown = [[duel.left.contestant, duel.right.contestant, duel.left.scene] for duel in duels]
    files = [[_stamp(side) for side in (duel.left, duel.right)] for duel in duels]
    version = hash_values([shown, files, vars(plan)])[:16]
    folder = studies_folder(home) / version
    page = folder / PAGE_FILE
    if page.is_file() and (folder / KEY_FILE).is_file():
        return Memoised(page, True)
    return Memoised(_Maker(version, folder, plan).make(duels), False)


def _stamp(entry: Entry) -> list[Any]:
    path = Path(entry.video["path"])
    if not path.is_file():
        raise UserError(f"{path}: not there: the home's evaluation has lost a video, run `swaptalk run` again")
    return [str(path), path.stat().st_size]


class _Maker:
    """One study in the making."""

    def __init__(self, version: str, folder: Path, plan: StudyPlan) -> None:
        self.version, self.folder, self.plan = version, folder, plan
        self.pictures: dict[str, str] = {}
        self.bytes = 0

    def make(self, duels: Sequence[Duel]) -> Path:
        videos: dict[str, Shown] = {}
        items: list[Item] = []
        pictures: dict[str, str] = {}
        sides = check_sides(self.plan.checks, self.plan.seed)
        with tqdm(total=len(duels) + len(sides), desc="study", unit="pair", disable=None) as bar:
            for number, duel in enumerate(duels):
                left, right = (self._duel_video(entry, videos) for entry in (duel.left, duel.right))
                items.append(Item(f"i{number:03d}", left, right, duel.left.scene))
                pictures[items[-1].id] = self._picture(Path(duel.left.video["source"]))
                bar.update()
            # Targets take turns; what is whole is the target itself, with its own voice where a scene has that.
            scenes = [duel.left for duel in duels if duel.left.video["setting"] == SELF] or [
                duel.left for duel in duels
            ]
            for number, on_left in enumerate(sides, start=len(items)):
                items.append(self._check(number, scenes[number % len(scenes)], on_left))
                pictures[items[-1].id] = self._picture(Path(scenes[number % len(scenes)].video["target"]), moving=True)
                bar.update()
        study = Study(self.version, self.plan.question, self.plan.seed, tuple(items), videos)
        write_key(study, self.folder)
        page = self._write_page(study, pictures)
        if self.plan.embed:
            shutil.rmtree(self.folder / VIDEOS_FOLDER)
        return page

    def _duel_video(self, entry: Entry, videos: dict[str, Shown]) -> str:
        name = self._name(entry.contestant, entry.scene)
        if name not in videos:
            videos[name] = Shown(entry.contestant, entry.scene, dict(entry.figures))
            self._write(name, Path(entry.video["path"]), Path(entry.video["audio"]))
        return name

    def _check(self, number: int, entry: Entry, on_left: bool) -> Item:
        target, audio = Path(entry.video["target"]), Path(entry.video["audio"])
        whole, broken = (self._name(f"check {kind}", str(number)) for kind in ("whole", "broken"))
        for name in (whole, broken):
            self._write(name, target, audio, broken=name == broken)
        left, right = (whole, broken) if on_left else (broken, whole)
        return Item(f"i{number:03d}", left, right, entry.scene, whole)

    def _name(self, *whose: str) -> str:
        return hash_values([self.version, *whose])[:12]

    def _write(self, name: str, video: Path, audio: Path, broken: bool = False) -> None:
        path = shown_video(video, audio, self._file(name), self.plan.seconds, broken)
        self.bytes += path.stat().st_size
        if self.plan.embed and self.bytes > MOST_EMBEDDED:
            raise UserError(
                f"the videos of this study are more than the {MOST_EMBEDDED >> 20} MB that a page may hold: "
                "ask for fewer --pairs or --seconds, or put them beside it with --beside"
            )

    def _file(self, name: str) -> Path:
        return self.folder / VIDEOS_FOLDER / f"{name}.mp4"

    def _picture(self, path: Path, moving: bool = False) -> str:
        """The picture of the person that is wanted, where the question is about one."""
        if self.plan.question != "identity":
            return ""
        if str(path) not in self.pictures:
            self.pictures[str(path)] = _data_uri(first_frame(path) if moving else read_image(path))
        return self.pictures[str(path)]

    def _write_page(self, study: Study, pictures: dict[str, str]) -> Path:
        names = [name for item in study.items for name in (item.left, item.right)]
        uris = {
            name: _embedded(self._file(name)) if self.plan.embed else f"{VIDEOS_FOLDER}/{name}.mp4"
            for name in dict.fromkeys(names)
        }
        data = {
            "study": study.version,
            "items": [
                {"id": item.id, "left": item.left, "right": item.right, "picture": pictures[item.id]}
                for item in study.items
            ],
            "videos": uris,
        }
        environment = Environment(
            loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        page = environment.get_template("study.html.jinja").render(
            question=QUESTIONS[study.question],
            pictured=study.question == "identity",
            count=len(study.items),
            minutes=max(1, round(len(study.items) * (self.plan.seconds + 4) / 60)),
            css=Markup((_HERE / "study.css").read_text(encoding="utf-8")),
            js=Markup((_HERE / "study.js").read_text(encoding="utf-8")),
            data=Markup(json.dumps(data).replace("<", "\\u003c")),
        )
        path = self.folder / PAGE_FILE
        with atomic_write(path) as aside:  # last: its presence says that all is there
            aside.write_text(page, encoding="utf-8")
        return path


def _embedded(path: Path) -> str:
    return "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _data_uri(image: np.ndarray) -> str:
    small = Image.fromarray(image)
    small.thumbnail((_PICTURE, _PICTURE))
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
