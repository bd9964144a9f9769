"""What is known of the people of a home's test videos: the truth that lies beside drawn ones. For measurements only.

`swaptalk phantom`, and the default corpus of a run, leave FOLDER/truth/NAME.json beside FOLDER/NAME.mp4
(data/phantom/corpus.py): the person's traits, and what is said and when. Other videos have no such file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swaptalk_models.data.snapshot import Snapshot
from swaptalk_models.data.sources.catalog import catalog_rows
from swaptalk_models.data.sources.source_files import local_file
from swaptalk_models.data.store.home import Home
from swaptalk_models.metrics.further_inputs import Spoken

_ABOUT = 1  # frames by which a clip may differ in length from its video


@dataclass(frozen=True)
class DrawnPeople:
    """The truth of the held-out people that are drawn."""

    traits: Mapping[str, Mapping[str, str]]
    """Person -> trait -> in words: see `traits_of`."""
    spoken: Mapping[str, Spoken]
    """Clip -> phonemes with start and end (s); clips that are only a part of their video are not among them."""


def drawn_people(home: Home, snapshot: Snapshot) -> DrawnPeople:
    """Of the test clips of a snapshot; empty for real people."""
    sources = {row["video"]: row["source"] for row in catalog_rows(home)}
    traits, spoken = {}, {}
    for clip in snapshot.clips("test"):
        path = local_file(home, clip["video"], sources.get(clip["video"], ""))
        note = path.parent / "truth" / f"{path.stem}.json" if path else None
        try:
            truth = json.loads(note.read_text()) if note and note.is_file() else None
            if truth is None:
                continue
            traits[clip["person"]] = traits_of(truth["person"])
            if abs(truth["frames"] - clip["frames"]) <= _ABOUT:
                spoken[clip["clip"]] = tuple((name, start, end) for name, start, end in truth["phonemes"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # somebody's own file of that name: nothing is known of this person
    return DrawnPeople(traits, spoken)


def traits_of(person: Mapping[str, Any]) -> dict[str, str]:
    """What distinguishes people for whom a model may work worse, in words; `person` as in the truth's file."""
    red, green, blue = person["skin"]
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    pitch = person["voice"]["pitch"]
    return {
        "skin": "dark" if light < 0.4 else "medium" if light < 0.6 else "light",
        "age": "young" if person["age"] < 0.35 else "middle" if person["age"] <= 0.62 else "old",
        "sex": "woman" if person["feminine"] else "man",
        "beard": {"none": "none", "stubble": "stubble"}.get(person["beard"], "beard"),
        "glasses": "no" if person["glasses"] == "none" else "yes",
        "pitch": "low" if pitch < 40 else "middle" if pitch < 55 else "high",
    }
