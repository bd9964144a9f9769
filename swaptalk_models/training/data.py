"""What trainings read: the rows that a snapshot names, straight from the Lance tables.

Frames of all clips stand one behind the other; a clip is a range of them. Codes, labels and mels are held in memory (half a kilobyte a frame);
crops are held decoded where they fit, else as they are stored, and of a corpus that is too large for that they stay on disk until a batch
wants them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.media.png import decode_png
from swaptalk_models.data.sound.mel import mel_windows, shift_mel
from swaptalk_models.errors import UserError

_DECODED_BYTES = 2 << 30  # crops are held decoded up to here: a minute of CPU at 64 px, the whole memory at 512 px
_STORED_BYTES = 8 << 30  # and as they are stored up to here: HDTF's at 256 px are some 130 GB


@dataclass(frozen=True)
class Clip:
    """One clip of the snapshot; its frames are rows ``first`` to ``first + frames`` of the arrays."""

    name: str
    person: int
    split: str
    """train, validation or test; nothing where this training leaves it out."""
    first: int
    frames: int
    sound: bool = True
    """Whether lips may be learned from its sound, and measured by it; its face may always be looked at."""


class TrainingData:
    """The clips of a snapshot and their frames."""

    def __init__(self, home: Path, manifest: Path, without: Sequence[str] = ()) -> None:
        """
        Args:
            without: patterns of videos that are not to be trained on: their clips are in no split.

        Raises:
            UserError: there is none such in the training split.
        """
        rows = pq.read_table(manifest).to_pylist()
        self.tables = Path(home) / "tables"
        self.versions = {name: rows[0].get(f"{name}_version") for name in ("face_tracks", "face_crops", "mels")} if rows else {}
        people = sorted({row["person"] for row in rows})
        self.people = people
        number = {person: index for index, person in enumerate(people)}
        self.sound_offset = {row["clip"]: row.get("sound_offset") or 0 for row in rows}
        left_out = _left_out({row["video"] for row in rows if row["split"] == "train"}, without)
        self.clips: list[Clip] = []
        first = 0
        for row in sorted(rows, key=lambda row: row["clip"]):
            sound = row.get("sound", True)  # early manifests lack it
            split = "" if row["split"] == "train" and row["video"] in left_out else row["split"]
            self.clips.append(Clip(row["clip"], number[row["person"]], split, first, row["frames"], sound))
            first += row["frames"]
        self.frames = first

    def of(self, split: str) -> list[Clip]:
        """Clips of one split, for who looks at faces only.

        Raises:
            UserError: there are none.
        """
        clips = [clip for clip in self.clips if clip.split == split]
        if not clips:
            raise UserError(f"no clip for {split}: the snapshot has {len(self.clips)} clips of {len(self.people)} people")
        return clips

    def speaking(self, split: str) -> list[Clip]:
        """Clips of one split whose sound can be used, for who learns lips from it or measures them by it.

        Raises:
            UserError: there are none.
        """
        clips = [clip for clip in self.of(split) if clip.sound]
        if not clips:
            raise UserError(
                f"no clip for {split} has a usable sound: all are silent, clipped or out of step (see `swaptalk status`); "
                "looser limits (quality.min_level, max_clipped, max_offset) or quality.leave_out=false bring them back"
            )
        return clips

    def rows_of(self, clips: Iterable[Clip]) -> np.ndarray:
        """All frame rows of these clips, (N,) int64."""
        return np.concatenate([np.arange(clip.first, clip.first + clip.frames) for clip in clips])

    @cached_property
    def person_of_row(self) -> np.ndarray:
        """(frames,) int64 number of the person on each frame."""
        return np.repeat([clip.person for clip in self.clips], [clip.frames for clip in self.clips])

    @cached_property
    def _crops(self) -> pa.Array | None:
        """All crops as they are stored, where they fit into _STORED_BYTES; else each is read when it is wanted."""
        if self.frames * len(self._read_crops(np.array([0]))[0]) > _STORED_BYTES:
            return None
        return self._frame_table("face_crops", ["crop"])["crop"].combine_chunks()

    @cached_property
    def _crop_places(self) -> np.ndarray:
        return self._places("face_crops", self._dataset("face_crops").to_table(columns=["clip", "frame"]))

    def _read_crops(self, rows: np.ndarray) -> list[bytes]:
        """Stored crops of these rows, from disk."""
        places, again = np.unique(self._crop_places[rows], return_inverse=True)
        found = self._dataset("face_crops").take(places, columns=["crop"])["crop"].to_pylist()
        return [found[index] for index in again]

    @cached_property
    def _pixels(self) -> np.ndarray | None:
        """All crops decoded, where they fit into _DECODED_BYTES; else each is decoded when it is wanted."""
        if self._crops is None or self.frames * decode_png(self._crops[0].as_py()).nbytes > _DECODED_BYTES:
            return None
        return np.stack([decode_png(png.as_py()) for png in self._crops])

    def crops(self, rows: np.ndarray) -> np.ndarray:
        """Face crops, (N, S, S, 3) uint8 RGB."""
        if self._pixels is not None:
            return self._pixels[rows]
        stored = self._read_crops(rows) if self._crops is None else [self._crops[int(row)].as_py() for row in rows]
        return np.stack([decode_png(png) for png in stored])

    @cached_property
    def landmarks(self) -> np.ndarray:
        """(frames, 68, 2) float32, in pixels of the crop."""
        return self._flat("face_crops", "landmarks").reshape(self.frames, 68, 2)

    @cached_property
    def labels(self) -> np.ndarray:
        """(frames, g, g) uint8 region labels."""
        column = self._frame_table("face_crops", ["labels"])["labels"].to_pylist()
        side = int(len(column[0]) ** 0.5)
        return np.frombuffer(b"".join(column), np.uint8).reshape(self.frames, side, side)

    def codes(self, vqgan: str, grid: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes of upper and lower halves, each (frames, groups, grid / 2, grid) uint16, made by this version of the VQGAN.

        Raises:
            UserError: the cached latents are another VQGAN's, or miss frames of the snapshot.
        """
        table = self._frame_table("vq_latents", ["upper", "lower", "vqgan"])
        makers = set(table["vqgan"].unique().to_pylist())
        if makers != {vqgan}:
            raise UserError(f"vq_latents were made by VQGAN {', '.join(sorted(makers))}, not by {vqgan}: materialise vq_latents again")
        return tuple(
            table[half].combine_chunks().flatten().to_numpy().reshape(self.frames, -1, grid // 2, grid) for half in ("upper", "lower")
        )

    @cached_property
    def mels(self) -> dict[str, np.ndarray]:
        """Clip name -> log-mel (T_mel, 80) float32, moved into step where the snapshot says so; ends are repeated."""
        names = [clip.name for clip in self.clips]
        table = self._dataset("mels").to_table(columns=["clip", "steps", "mel"])
        wanted = set(names)
        mels = {
            row["clip"]: shift_mel(np.frombuffer(row["mel"], "<f4").reshape(row["steps"], -1), self.sound_offset[row["clip"]])
            for row in table.to_pylist()
            if row["clip"] in wanted
        }
        missing = wanted - set(mels)
        if missing:
            raise UserError(f"mels miss {len(missing)} clips of the snapshot ({min(missing)}, ...): materialise mels again")
        return mels

    def windows(self, clip: Clip, first_frames: np.ndarray) -> np.ndarray:
        """(N, 16, 80) mel windows that go with the five frames from each of ``first_frames`` (N,) on, counted within the clip."""
        return mel_windows(self.mels[clip.name], first_frames)

    def _dataset(self, table: str):
        path = self.tables / f"{table}.lance"
        if not path.exists():
            raise UserError(f"no table {table} in {self.tables}: run `swaptalk run --until {table}` first")
        return lance.dataset(str(path), version=self.versions.get(table))

    def _frame_table(self, name: str, columns: list[str]) -> pa.Table:
        """The snapshot's frames of a table, one row a frame, in the order of ``self.clips``."""
        table = self._dataset(name).to_table(columns=["clip", "frame", *columns])
        return table.take(pa.array(self._places(name, table)))

    def _places(self, name: str, table: pa.Table) -> np.ndarray:
        """(frames,) row of ``table`` (clip, frame, ...) that holds each of the snapshot's frames.

        Raises:
            UserError: one is missing.
        """
        order = {clip.name: (clip.first, clip.frames) for clip in self.clips}
        dictionary = table["clip"].combine_chunks().dictionary_encode()
        ranges = np.array([order.get(clip, (0, 0)) for clip in dictionary.dictionary.to_pylist()]).reshape(-1, 2)
        first, frames = ranges[dictionary.indices.to_numpy()].T
        frame = table["frame"].to_numpy()
        # Rows of other clips, and of frames that a clip has only since the snapshot, have no place.
        place = np.where(frame < frames, first + frame, -1)
        source = np.full(self.frames, -1)
        source[place[place >= 0]] = np.flatnonzero(place >= 0)
        if (source < 0).any():
            missing = next(c.name for c in self.clips if (source[c.first : c.first + c.frames] < 0).any())
            raise UserError(f"{name} misses frames of the snapshot (clip {missing}): materialise {name} again")
        return source

    def _flat(self, table: str, column: str) -> np.ndarray:
        return self._frame_table(table, [column])[column].combine_chunks().flatten().to_numpy()


def _left_out(videos: set[str], patterns: Sequence[str]) -> set[str]:
    found = {video for video in videos if any(fnmatchcase(video, pattern) for pattern in patterns)}
    if patterns and not found:
        raise UserError(
            f"a training without {', '.join(patterns)}: no video of the training people is called so (one of them is {min(videos, default='none')}); "
            "see training_snapshot.extra and the trainings' own setting `without`"
        )
    return found




