"""Fingerprints are made once: a Parquet file of the home keeps those of every clip, each with the hash of the rows that it was made from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from swaptalk_models.data.recordings.fingerprint import Fingerprint
from swaptalk_models.data.recordings.picture import EVERY, luminance_grid, picture_fingerprint
from swaptalk_models.data.recordings.sound import sound_fingerprint
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home

_BATCH_ROWS = 64  # crops in memory
_SAVE_SECONDS = 60.0  # a run that is killed loses no more


@dataclass(frozen=True)
class Shelf:
    """Where fingerprints of a kind are kept, and how they are made."""

    file: str
    """In the home; a change of what is made is another name."""
    rows_hash: str
    """Column with the hash of the rows that a fingerprint was made from."""
    telling: str
    """Column with ``Fingerprint.telling``."""
    at_once: int
    """Clips that are read together."""
    make: Callable[[Home, Sequence[str]], Iterator[tuple[str, Fingerprint]]]

    def fingerprints(self, home: Home, rows: Mapping[str, str]) -> dict[str, Fingerprint]:
        """Of these clips ({clip: hash of its rows}); what was made of this hash before is not made again, what is of none of them is let go."""
        path = home.root / self.file
        kept = self._kept(path, rows)
        missing = sorted(rows.keys() - kept.keys())
        saved = time.monotonic()
        with tqdm(total=len(missing), desc=self.file.split(".")[0], unit="clip", disable=None) as progress:
            for start in range(0, len(missing), self.at_once):
                some = missing[start : start + self.at_once]
                kept |= self.make(home, some)
                progress.update(len(some))
                if time.monotonic() - saved > _SAVE_SECONDS:
                    self._keep(path, rows, kept)
                    saved = time.monotonic()
        if missing or (path.is_file() and pq.read_metadata(path).num_rows != len(kept)):
            self._keep(path, rows, kept)
        return kept

    def _kept(self, path: Path, rows: Mapping[str, str]) -> dict[str, Fingerprint]:
        if not path.is_file():
            return {}
        return {
            row["clip"]: Fingerprint(np.frombuffer(row["words"], "<u4"), np.frombuffer(row[self.telling], bool))
            for row in pq.read_table(path).to_pylist()
            if rows.get(row["clip"]) == row[self.rows_hash]
        }

    def _keep(self, path: Path, rows: Mapping[str, str], made: Mapping[str, Fingerprint]) -> None:
        bits = pa.large_binary()
        schema = pa.schema(
            [("clip", pa.string()), (self.rows_hash, pa.string()), ("words", bits), (self.telling, bits)]
        )
        clips = sorted(made)
        columns = [
            clips,
            [rows[clip] for clip in clips],
            [made[clip].words.tobytes() for clip in clips],
            [made[clip].telling.tobytes() for clip in clips],
        ]
        with atomic_write(path) as aside:
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            pq.write_table(pa.table(arrays, schema=schema), aside)


def _sounds(home: Home, clips: Sequence[str]) -> Iterator[tuple[str, Fingerprint]]:
    table = tables.open_table(home, "mels").to_table(columns=["clip", "mel"], filter=tables.clips_filter(clips))
    for row in table.to_pylist():
        yield row["clip"], sound_fingerprint(np.frombuffer(row["mel"], "<f4").reshape(-1, 80))


def _pictures(home: Home, clips: Sequence[str]) -> Iterator[tuple[str, Fingerprint]]:
    grids: dict[str, list[tuple[int, np.ndarray]]] = {clip: [] for clip in clips}
    seen = f"({tables.clips_filter(clips)}) AND frame % {EVERY} = 0 AND crop IS NOT NULL"
    rows = tables.open_table(home, "face_crops").to_batches(
        columns=["clip", "frame", "crop"], filter=seen, batch_size=_BATCH_ROWS
    )
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # PNGs are decoded beside one another
        for batch in rows:
            looked_at = pool.map(luminance_grid, batch["crop"].to_pylist())
            for clip, frame, grid in zip(batch["clip"].to_pylist(), batch["frame"].to_pylist(), looked_at, strict=True):
                grids[clip].append((frame, grid))
    for clip, found in grids.items():
        found.sort(key=lambda one: one[0])
        yield clip, picture_fingerprint(np.array([grid for _, grid in found]))


SOUNDS = Shelf("fingerprints.parquet", "mels_hash", "heard", 256, _sounds)
PICTURES = Shelf("picture_fingerprints.parquet", "face_crops_hash", "moving", 64, _pictures)
