"""How many people there are and how long they speak, before anything is downloaded, decoded or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any

from swaptalk_models.data.person_split import SPLITS, split_persons
from swaptalk_models.data.sources.names import person_of
from swaptalk_models.data.store.asked import Asked
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, QUARANTINED, Ledger
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.settings.data import SplitConfig
from swaptalk_models.settings.preset import Preset

_LOOKED_INTO = 40
"""Files that are opened to see how long they are; the others are taken to be as long as these are on average."""
_PHANTOM_PX, _HDTF_PX = 256 * 256, 512 * 512
"""Of a frame: phantoms are drawn at this size; HDTF's windows are about as large."""


@dataclass(frozen=True)
class Corpus:
    """What a run is made from, as far as it can be told beforehand."""

    persons: Mapping[str, str]
    """{video: person}, without the videos that cannot be used."""
    seconds: Mapping[str, float]
    """{video: seconds}."""
    frame_px: float
    """Pixels of a frame of its clips, on average."""
    drawn: bool
    """The phantoms."""
    fetched: bool = False
    """Downloaded first."""
    guessed: int = 0
    """Videos that nobody has opened yet, whose length is a guess."""

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())

    def split(self, config: SplitConfig) -> dict[str, list[str]]:
        """{train, validation, test: people}. Nobody in any where there are too few to make a split."""
        extra = {v for v in self.persons if any(fnmatchcase(v, pattern) for pattern in config.extra)}
        held_out = {person for video, person in self.persons.items() if video not in extra}
        try:
            found = split_persons(held_out, config)
        except UserError:
            return {name: [] for name in SPLITS}
        found = dict.fromkeys(self.persons.values(), SPLITS[0]) | found
        return {name: sorted(person for person, split in found.items() if split == name) for name in SPLITS}

    def seconds_of(self, people: Sequence[str]) -> float:
        """Of these people's videos."""
        wanted = set(people)
        return sum(self.seconds[video] for video, person in self.persons.items() if person in wanted)


def known_corpus(home: Home, preset: Preset, asked: Asked) -> Corpus | None:
    """What a run would be made from; None where HDTF's annotations are still to be fetched.

    Raises:
        UserError: the folder has nothing usable.
    """
    if asked.videos:
        return _of_folder(home, preset, asked.videos)
    if asked.hdtf:
        return _of_hdtf(home, asked.hdtf)
    videos = [f"phantom_{index:03d}" for index in range(preset.phantom.people)]
    persons = {video: person_of(PurePath(f"{video}.mp4")) for video in videos}
    return Corpus(persons, dict.fromkeys(videos, preset.phantom.seconds), _PHANTOM_PX, drawn=True)


def _of_folder(home: Home, preset: Preset, folder: str) -> Corpus:
    from swaptalk_models.data.sources.folder import folder_catalog

    rows = {
        row["video"]: row for row in folder_catalog(folder).select(["video", "person", "source", "clip"]).to_pylist()
    }
    known, refused = _examined(home)
    usable = [video for video, row in rows.items() if row["clip"] and video not in refused]
    unknown = [video for video in usable if video not in known]
    looked_into = unknown[:: -(-len(unknown) // _LOOKED_INTO)] if unknown else []
    for video in looked_into:
        if (info := _look_into(Path(rows[video]["source"]))) is not None:
            known[video] = info
    unusable = set(looked_into) - known.keys()
    usable = [video for video in usable if video not in unusable]
    there = [known[video] for video in usable if video in known]
    mean = sum(info["duration_s"] for info in there) / len(there) if there else 0.0
    pixels = [_clip_px(info, preset.clips.max_height) for info in there]
    return Corpus(
        persons={video: rows[video]["person"] for video in usable},
        seconds={video: known[video]["duration_s"] if video in known else mean for video in usable},
        frame_px=sum(pixels) / len(pixels) if pixels else 0.0,
        drawn=False,
        guessed=sum(video not in known for video in usable),
    )


def _of_hdtf(home: Home, folder: str) -> Corpus | None:
    from swaptalk_models.data.sources.annotations import FILES, hdtf_catalog

    if not all((Path(folder) / name).is_file() for name in FILES):
        return None
    _, refused = _examined(home)
    persons: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for row in hdtf_catalog(folder)[0].to_pylist():
        if row["clip"] and row["video"] not in refused:
            persons[row["video"]] = row["person"]
            seconds[row["video"]] = seconds.get(row["video"], 0.0) + row["end_s"] - row["start_s"]
    return Corpus(persons, seconds, _HDTF_PX, drawn=False, fetched=True)


def _examined(home: Home) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """({video: its facts}, videos that were refused), as this home's ledger has them."""
    if not home.has_ledger:
        return {}, set()
    with Ledger(home.ledger) as ledger:
        entries = ledger.entries("raw_videos")
    good = {video: entry.output["info"] for video, entry in entries.items() if entry.status == OK}
    return good, {video for video, entry in entries.items() if entry.status == QUARANTINED}


def _look_into(path: Path) -> dict[str, Any] | None:
    """Length and size of a video, from its index; None where it cannot be used."""
    from swaptalk_models.data.media.probing import check_trainable, probe

    try:
        info = probe(path)
        check_trainable(info)
    except BadClip:
        return None
    return {"duration_s": info.duration_s, "width": info.width, "height": info.height}


def _clip_px(info: Mapping[str, Any], max_height: int) -> float:
    width, height = info["width"], info["height"]
    scale = min(1.0, max_height / height) if max_height else 1.0
    return float(width * height * scale * scale)
