"""People of whom one recording is there under several names: a film that was downloaded twice, cut anew, dubbed, or re-uploaded.

Held out under one name and trained on under the other, it would be a leak. So those who share a recording share a split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from swaptalk_models.data.recordings.kept_fingerprints import PICTURES, SOUNDS
from swaptalk_models.data.recordings.picture import PICTURE
from swaptalk_models.data.recordings.same_recording import SameRecording, same_recordings
from swaptalk_models.data.recordings.sound import SOUND
from swaptalk_models.data.store.home import Home


def shared_recordings(
    home: Home, mels: Mapping[str, str], crops: Mapping[str, str], owner: Mapping[str, str]
) -> list[SameRecording]:
    """Pairs of clips of different owners that hold one recording: first those found by picture, then those by sound; a pair may be both.

    Args:
        mels: {clip: hash of its row in mels}; what was fingerprinted of this hash before is not again.
        crops: The same of face_crops.
        owner: {clip: person}.
    """
    by_picture = same_recordings(PICTURES.fingerprints(home, crops), owner, PICTURE)
    return by_picture + same_recordings(SOUNDS.fingerprints(home, mels), owner, SOUND)


def joined(persons: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """{person: the first by name of all that hang together with them}."""
    first = {person: person for person in persons}

    def root(person: str) -> str:
        while first[person] != person:
            person = first[person]
        return person

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        first[high] = low
    return {person: root(person) for person in first}
