"""Whose face is taken and whose is replaced, where a picture or a video shows several people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.faces.detection import Face, box_overlap
from swaptalk_models.data.faces.several import faces_of, prominence
from swaptalk_models.data.faces.tracking import Whose
from swaptalk_models.data.media.timeline import frames_at_25
from swaptalk_models.data.media.video import read_image
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.metrics.dlib_judge import identity_embeddings
from swaptalk_models.settings.data import FacesConfig

_LOOKS = frozenset((0, 12, 25, 50, 75, 100))
"""Frames of a target that are looked at; while nobody is there, one a second after that, for ten seconds."""
_LONGEST = 250
_SEEN = 0.3  # share of the looks in which somebody has to be: a detector's slips are not
_STAYS = 0.3  # overlap from which a lone face is still the same
_ALIKE = 0.9
"""Cosine of dlib's embeddings from which two faces are one person's; its own threshold, a distance of 0.6."""
_UNLIKE = 0.82
"""Below it, a face is not that of the one who is followed, whoever else is known."""


@dataclass
class Person:
    """Somebody whom a video shows."""

    face: Face
    """Where the face is most prominent."""
    frame: int
    """Number of that frame."""
    image: np.ndarray
    """That frame, (H, W, 3) uint8 RGB."""
    prominence: float
    """Mean over the looks."""
    embeddings: list[np.ndarray] = field(default_factory=list)
    """(128,) each; none where nobody else is there."""


@dataclass(frozen=True)
class _Sight:
    frame: int
    image: np.ndarray
    faces: list[Face]


def people_of(path: Path, config: FacesConfig) -> list[Person]:
    """Who is seen in the first seconds of a video, the most prominent first. BadClip: no video."""
    sights = list(_sights(path, config))
    if not sights:
        return []
    if all(len(one.faces) == 1 for one in sights) and all(
        box_overlap(one.faces[0].box, other.faces[0].box) > _STAYS for one, other in pairwise(sights)
    ):
        return [_person(max(sights, key=lambda one: _worth(one, 0)), 0)]
    people: list[Person] = []
    for sight in sights:
        taken: set[int] = set()
        for number, (face, embedding) in enumerate(zip(sight.faces, _embedded(sight), strict=True)):
            likeness = [-1.0 if i in taken else _likeness(embedding, one) for i, one in enumerate(people)]
            best = int(np.argmax(likeness)) if likeness else -1
            if best < 0 or likeness[best] < _ALIKE:
                people.append(_person(sight, number))
                best = len(people) - 1
                people[best].prominence = 0.0
            one = people[best]
            if prominence(face.box, sight.image.shape) > prominence(one.face.box, one.image.shape):
                one.face, one.frame, one.image = face, sight.frame, sight.image
            one.prominence += _worth(sight, number) / len(sights)
            one.embeddings.append(embedding)
            taken.add(best)
    people.sort(key=lambda one: -one.prominence)
    return [one for i, one in enumerate(people) if i == 0 or len(one.embeddings) >= _SEEN * len(sights)]


def faces_in_picture(path: Path, config: FacesConfig) -> tuple[np.ndarray, list[Face]]:
    """A picture (H, W, 3) and its faces, the most prominent first. BadClip: it cannot be read, or shows none."""
    image = read_image(path)
    faces = faces_of(image, config)
    if not faces:
        raise BadClip(f"{path.name}: no face found")
    return image, faces


def chosen(count: int, number: int | None, name: str, option: str) -> tuple[int, str | None]:
    """(place in the list, what is to be said of it) of the face that is taken.

    Args:
        number: from 1; None: the most prominent.

    Raises:
        UserError: there is no such face.
    """
    if number is not None:
        if not 1 <= number <= count:
            raise UserError(f"{name}: shows {count} face{'s' * (count > 1)}, so there is no {option} {number}")
        return number - 1, None
    if count == 1:
        return 0, None
    return 0, (
        f"{name}: shows {count} faces; the largest and most central is taken, {option} N takes another, and --faces "
        "PICTURE shows which is which"
    )


def tells(people: Sequence[Person], place: int) -> Whose:
    """What tells the person at this place of the list from the others."""
    wanted, others = people[place], [one for i, one in enumerate(people) if i != place]

    def is_wanted(image: np.ndarray, landmarks: np.ndarray) -> bool:
        (embedding,) = identity_embeddings([image], [landmarks])
        likeness = _likeness(embedding, wanted)
        return likeness > _UNLIKE and all(likeness > _likeness(embedding, one) for one in others)

    return is_wanted


def all_numbered(source: Path, target: Path) -> tuple[np.ndarray, int, int]:
    """One picture (H, W, 3) with a source and as few frames of a target as show all of its people, faces numbered; and
    how many faces there are in each.

    Raises:
        UserError: one of them cannot be read, or shows nobody.
    """
    config = FacesConfig()
    image, faces = faces_in_picture(source, config)
    people = people_of(target, config)
    if not people:
        raise UserError(f"{target}: no face found in its first ten seconds")
    left = numbered(image, dict(enumerate(faces, start=1)))
    return side_by_side([left, *numbered_people(people, config)]), len(faces), len(people)


def numbered(image: np.ndarray, faces: dict[int, Face]) -> np.ndarray:
    """The picture with a box and a number around each face, {number: face}; a new array."""
    drawn = image.copy()
    thick = max(2, round(min(image.shape[:2]) / 160))
    scale = max(0.6, min(image.shape[:2]) / 320)
    for number, face in faces.items():
        x0, y0, x1, y1 = (round(float(value)) for value in face.box)
        cv2.rectangle(drawn, (x0, y0), (x1, y1), (255, 220, 0), thick)
        (wide, high), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        left, top = max(0, x0), max(0, y0)
        cv2.rectangle(drawn, (left, top), (left + wide + 2 * thick, top + high + 2 * thick), (255, 220, 0), cv2.FILLED)
        corner = (left + thick, top + high + thick)
        cv2.putText(drawn, str(number), corner, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), thick, cv2.LINE_AA)
    return drawn


def numbered_people(people: Sequence[Person], config: FacesConfig) -> list[np.ndarray]:
    """As few frames as show all of them, numbered."""
    left, shown = dict(enumerate(people, start=1)), []
    while left:
        first = next(iter(left.values()))
        there = {n: one.face for n, one in left.items() if one.frame == first.frame}
        for face in faces_of(first.image, config):  # others may be in the same frame, if not at their best
            (embedding,) = identity_embeddings([first.image], [face.landmarks])
            likeness = {n: _likeness(embedding, one) for n, one in left.items() if n not in there and one.embeddings}
            best = max(likeness, key=lambda n: likeness[n], default=None)
            if best is not None and likeness[best] > _ALIKE:
                there[best] = face
        shown.append(numbered(first.image, there))
        left = {n: one for n, one in left.items() if n not in there}
    return shown


def side_by_side(pictures: Sequence[np.ndarray], height: int = 480) -> np.ndarray:
    """Pictures (H, W, 3) next to each other, all of one height."""
    scaled = []
    for picture in pictures:
        scale = height / picture.shape[0]
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled += [cv2.resize(picture, (max(1, round(scale * picture.shape[1])), height), interpolation=kind)]
    gap = np.full((height, 8, 3), 255, np.uint8)
    return np.concatenate([part for picture in scaled for part in (picture, gap)][:-1], axis=1)


def _sights(path: Path, config: FacesConfig) -> Iterator[_Sight]:
    number, anybody = 0, False
    for batch in frames_at_25(path):
        for image in batch:
            if number in _LOOKS or (not anybody and number % 25 == 0):
                faces = faces_of(image, config)
                if faces:
                    anybody = True
                    yield _Sight(number, image.copy(), faces)
            number += 1
        if number > (max(_LOOKS) if anybody else _LONGEST):
            return


def _person(sight: _Sight, number: int) -> Person:
    return Person(sight.faces[number], sight.frame, sight.image, _worth(sight, number))


def _worth(sight: _Sight, number: int) -> float:
    return prominence(sight.faces[number].box, sight.image.shape)


def _embedded(sight: _Sight) -> np.ndarray:
    return identity_embeddings([sight.image] * len(sight.faces), [face.landmarks for face in sight.faces])


def _likeness(embedding: np.ndarray, person: Person) -> float:
    """Cosine to the nearest of what was seen of somebody."""
    return max((float(embedding @ one) for one in person.embeddings), default=-1.0)
