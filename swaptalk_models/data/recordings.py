"""People of whom one recording is there under several names: a film that was downloaded twice, cut anew, or re-uploaded.

Held out under one name and trained on under the other, it would be a leak. So those who share a recording share a split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.sound.fingerprint import Fingerprint
from swaptalk_models.data.sound.same_sound import SameSound, same_sounds
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home

_AT_ONCE = 256  # clips whose mels are in memory
_SCHEMA = pa.schema(
    [("clip", pa.string()), ("mels_hash", pa.string()), ("words", pa.large_binary()), ("heard", pa.large_binary())]
)


def shared_recordings(home: Home, mels: Mapping[str, str], owner: Mapping[str, str]) -> list[SameSound]:
    """Pairs of clips of different owners that hold one recording.

    Args:
        mels: {clip: hash of its row in mels}; what was fingerprinted of this hash before is not again.
        owner: {clip: person}.
    """
    return same_sounds(_fingerprints(home, mels), owner)


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


def _fingerprints(home: Home, mels: Mapping[str, str]) -> dict[str, Fingerprint]:
    path = home.root / "fingerprints.parquet"
    kept = _kept(path, mels)
    missing = sorted(mels.keys() - kept.keys())
    for start in range(0, len(missing), _AT_ONCE):
        some = tables.clips_filter(missing[start : start + _AT_ONCE])
        for row in tables.open_table(home, "mels").to_table(columns=["clip", "mel"], filter=some).to_pylist():
            kept[row["clip"]] = Fingerprint.of(np.frombuffer(row["mel"], "<f4").reshape(-1, 80))
    if missing or (path.is_file() and pq.read_metadata(path).num_rows != len(kept)):
        rows = [(clip, mels[clip], one.words.tobytes(), one.heard.tobytes()) for clip, one in sorted(kept.items())]
        with atomic_write(path) as aside:
            columns = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), _SCHEMA, strict=True)
            ]
            pq.write_table(pa.table(columns, schema=_SCHEMA) if rows else _SCHEMA.empty_table(), aside)
    return kept


def _kept(path: Path, mels: Mapping[str, str]) -> dict[str, Fingerprint]:
    if not path.is_file():
        return {}
    return {
        row["clip"]: Fingerprint(np.frombuffer(row["words"], "<u4"), np.frombuffer(row["heard"], bool))
        for row in pq.read_table(path).to_pylist()
        if mels.get(row["clip"]) == row["mels_hash"]
    }
