"""Whom a release was trained on, and whether a face is like theirs: said before a generation, not found in its result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.quality.measures import yaw_degrees
from swaptalk_models.data.snapshot import Snapshot, drawn_videos, load_snapshot
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import RELEASE_FILE

KEY = "knows"
"""Of release.json."""
_MOST = 120  # people whose faces are looked at
_USUAL = 0.05  # of the people are less like the middle of them than ``reach``
_SLACK = 0.02  # cosine below ``reach`` from which a face is said to be unlike: drawn people lie within it, real ones 0.034 and more below
_TURN_SLACK = 8.0  # degrees
_LARGER = 2.0  # times the crop's side: a face in the target beyond it comes out soft


@dataclass(frozen=True)
class Knowledge:
    """The people that a release's networks learned from."""

    people: int
    """In the training snapshot's training part."""
    drawn: int
    """How many of them are phantoms."""
    crop: int
    """Side of the faces (px)."""
    middle: tuple[float, ...]
    """(128,) mean of their identity embeddings (dlib's), of unit length."""
    reach: float
    """Cosine to it that nineteen of twenty of them exceed."""
    turn: float
    """Degrees sideways that nineteen of twenty faces are below."""

    @property
    def drawn_only(self) -> bool:
        """Whether there was nobody real among them."""
        return self.drawn == self.people

    def who(self) -> str:
        """ "53 drawn people at 64 px"."""
        kind = "drawn people" if self.drawn_only else "real people" if not self.drawn else "people"
        of_them = f", {self.drawn} of them drawn," if 0 < self.drawn < self.people else ""
        return f"{self.people} {kind}{of_them} at {self.crop} px"


def knowledge_of(home: Home, crop: int) -> Knowledge | None:
    """Of the home's current training snapshot, from a frame of each person; None where there is no snapshot any more."""
    try:
        snapshot = load_snapshot(home)
    except UserError:
        return None
    clips = {row["person"]: row for row in snapshot.clips("train")}
    drawn = drawn_videos(home)
    crops, landmarks = _faces(home, snapshot, [clips[name] for name in sorted(clips)])
    return measured(crops, landmarks, len(clips), sum(row["video"] in drawn for row in clips.values()), crop)


def measured(crops: Sequence[np.ndarray], landmarks: np.ndarray, people: int, drawn: int, crop: int) -> Knowledge:
    """From a crop (S, S, 3) uint8 of each of some people with landmarks (N, 68, 2) in their pixels."""
    from swaptalk_models.metrics.dlib_judge import identity_embeddings

    embeddings = identity_embeddings(crops, landmarks)
    middle = embeddings.mean(axis=0)
    middle /= np.linalg.norm(middle)
    reach = float(np.quantile(embeddings @ middle, _USUAL))
    turn = float(np.quantile(np.abs(yaw_degrees(landmarks)), 1 - _USUAL))
    rounded = tuple(round(float(value), 4) for value in middle)
    return Knowledge(people, drawn, crop, rounded, round(reach, 4), round(turn, 1))


def read_knowledge(folder: Path) -> Knowledge | None:
    """What a release's record says; None where it was made before records said anything."""
    try:
        said = json.loads((folder / RELEASE_FILE).read_text()).get(KEY)
    except (OSError, ValueError):
        return None
    return Knowledge(**said | {"middle": tuple(said["middle"])}) if said else None


def to_json(knowledge: Knowledge | None) -> dict[str, Any]:
    """What goes into release.json."""
    return {KEY: asdict(knowledge)} if knowledge is not None else {}


def unlike_source(knowledge: Knowledge, image: np.ndarray, landmarks: np.ndarray, name: str) -> str | None:
    """What is to be said of the face in a source picture before it is put on; None: it is like those that were learned."""
    if _is_like(knowledge, image, landmarks):
        return None
    outcome = "it will look drawn" if knowledge.drawn_only else "expect less of its likeness"
    return f"this release knows {knowledge.who()}; the face in {name} is like none of them: {outcome}"


def unlike_target(knowledge: Knowledge, track: FaceTrack, name: str) -> str | None:
    """The same of a target's face: how far it turns, and how large it is."""
    seen = track.confidence > 0
    turn = float(np.quantile(np.abs(yaw_degrees(track.landmarks[seen])), 0.8))
    width = float(np.median(track.box[seen, 2] - track.box[seen, 0]))
    said = []
    if turn > knowledge.turn + _TURN_SLACK:
        said.append(f"turns by {turn:.0f} degrees where theirs turned by {knowledge.turn:.0f}")
    if width > _LARGER * knowledge.crop:
        said.append(f"is {width:.0f} px wide and comes out softer than the rest of the picture")
    return f"this release knows {knowledge.who()}; the face in {name} {' and '.join(said)}" if said else None


def _is_like(knowledge: Knowledge, image: np.ndarray, landmarks: np.ndarray) -> bool:
    from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
    from swaptalk_models.metrics.dlib_judge import identity_embeddings
    from swaptalk_models.settings.data import CropsConfig

    # As small as those that were learned: an embedding of a sharper picture lies elsewhere.
    affine = crop_affines(landmarks[None], CropsConfig(size=knowledge.crop, smooth_frames=0))[0]
    crop = crop_face(image, affine, knowledge.crop)
    (embedding,) = identity_embeddings([crop], [apply_affine(landmarks, affine)])
    return float(embedding @ np.array(knowledge.middle)) > knowledge.reach - _SLACK


def _faces(home: Home, snapshot: Snapshot, clips: list[dict[str, Any]]) -> tuple[list[np.ndarray], np.ndarray]:
    """The middle frame's crop of each clip, evenly over the people where there are very many, and its landmarks."""
    import cv2

    from swaptalk_models.data.store import tables

    crops, landmarks = [], []
    table = tables.open_table(home, "face_crops", snapshot.table_version("face_crops"))
    for row in clips[:: -(-len(clips) // _MOST)]:
        wanted = f"{tables.clips_filter([row['clip']])} AND frame = {row['frames'] // 2}"
        found = table.to_table(columns=["crop", "landmarks"], filter=wanted)
        if found.num_rows:
            image = cv2.imdecode(np.frombuffer(found["crop"][0].as_py(), np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            crops.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
            landmarks.append(np.array(found["landmarks"][0].as_py(), np.float32).reshape(68, 2))
    return crops, np.stack(landmarks)
