"""What trainings read: the rows that a snapshot names, straight from the Lance tables.

Frames of all clips stand one behind the other; a clip is a range of them. Codes, labels and mels are held in memory (half a kilobyte a frame);
crops are held decoded where they fit, else as they are stored, and of a corpus that is too large for that they stay on disk until a batch
wants them.
"""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.faces.alignment import smooth_landmarks
from swaptalk_models.data.faces.regions import downsample_labels
from swaptalk_models.data.media.png import decode_png
from swaptalk_models.data.sound.mel import mel_windows, shift_mel
from swaptalk_models.data.sound.usual_voice import of_usual_voice
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.tables import open_table
from swaptalk_models.errors import UserError

# Of a host, whatever the number of its processes.
DECODED_BYTES = 2 << 30  # crops are held decoded up to here: a minute of CPU at 64 px, the whole memory at 512 px
STORED_BYTES = 8 << 30  # and as they are stored up to here: HDTF's at 256 px are some 130 GB
_SIGMAS = 4  # beyond these a Gaussian counts for nothing
_SCANNED_FRAMES, _SCANNED_CLIPS = 2048, 64  # rows read at a time


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

    held = True
    """Whether what every frame has is held in memory once it was asked for; else it is read from disk each time."""

    def __init__(self, home: Path, manifest: Path, without: Sequence[str] = (), held: bool = True) -> None:
        """
        Args:
            without: patterns of videos that are not to be trained on: their clips are in no split.
            held: False for a worker, of which a machine has many: crops and landmarks then stay on disk.

        Raises:
            UserError: there is none such in the training split.
        """
        rows = pq.read_table(manifest).to_pylist()
        self.held = held
        self.home = Home(Path(home))
        self.versions = (
            {name: rows[0].get(f"{name}_version") for name in ("face_tracks", "face_crops", "mels")} if rows else {}
        )
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
            raise UserError(
                f"no clip for {split}: the snapshot has {len(self.clips)} clips of {len(self.people)} people"
            )
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
    def _crops(self) -> list[bytes] | None:
        """All crops as they are stored, where they fit into STORED_BYTES; else each is read when it is wanted."""
        if not self.held or self.frames * len(self._read_crops(np.array([0]))[0]) > _share(STORED_BYTES):
            return None
        crops = [b""] * self.frames
        for place, batch in self._scan("face_crops", ["crop"]):
            for row, crop in zip(place, batch["crop"].to_pylist(), strict=True):
                crops[row] = crop
        return crops

    @cached_property
    def _crop_places(self) -> np.ndarray:
        """(frames,) which row of the table face_crops holds each frame."""
        places, first = np.empty(self.frames, np.int64), 0
        for place, batch in self._scan("face_crops", [], all_rows=True):
            places[place[place >= 0]] = first + np.flatnonzero(place >= 0)
            first += len(batch)
        return places

    def _read(self, column: str, rows: np.ndarray) -> pa.ChunkedArray:
        """A column of face_crops at these rows (N,), from disk."""
        places, again = np.unique(self._crop_places[rows], return_inverse=True)
        return self._dataset("face_crops").take(places, columns=[column])[column].take(pa.array(again))

    def _read_crops(self, rows: np.ndarray) -> list[bytes]:
        """Stored crops of these rows, from disk."""
        return self._read("crop", rows).to_pylist()

    @cached_property
    def _pixels(self) -> np.ndarray | None:
        """All crops decoded, where they fit into DECODED_BYTES; else each is decoded when it is wanted."""
        if self._crops is None:
            return None
        first = decode_png(self._crops[0])
        if self.frames * first.nbytes > _share(DECODED_BYTES):
            return None
        pixels = np.empty((self.frames, *first.shape), np.uint8)
        for row, png in enumerate(self._crops):
            pixels[row] = decode_png(png)
        return pixels

    def crops(self, rows: np.ndarray) -> np.ndarray:
        """Face crops, (N, S, S, 3) uint8 RGB."""
        if self._pixels is not None:
            return self._pixels[rows]
        stored = self._read_crops(rows) if self._crops is None else [self._crops[int(row)] for row in rows]
        return np.stack([decode_png(png) for png in stored])

    @cached_property
    def landmarks(self) -> np.ndarray:
        """(frames, 68, 2) float32, in pixels of the crop."""
        return self._column("face_crops", "landmarks", np.float32).reshape(self.frames, 68, 2)

    def landmarks_of(self, rows: np.ndarray) -> np.ndarray:
        """``landmarks`` of some rows (N,): (N, 68, 2) float32."""
        if self.held:
            return self.landmarks[rows]
        return _values(self._read("landmarks", rows).combine_chunks(), np.float32).reshape(-1, 68, 2)

    def landmarks_of_clip(self, clip: Clip) -> np.ndarray:
        """(clip.frames, 68, 2) float32"""
        return self.landmarks_of(np.arange(clip.first, clip.first + clip.frames))

    def steady_landmarks_of(self, row: int, sigma: float) -> np.ndarray:
        """(68, 2) float32: of one row, smoothed over its clip's frames with a Gaussian of ``sigma`` frames."""
        clip = self.clips[bisect_right(self.clips, row, key=lambda clip: clip.first) - 1]
        reach = math.ceil(_SIGMAS * sigma)
        first, end = max(clip.first, row - reach), min(clip.first + clip.frames, row + reach + 1)
        return smooth_landmarks(self.landmarks_of(np.arange(first, end)), sigma)[row - first]

    @cached_property
    def labels(self) -> np.ndarray:
        """(frames, g, g) uint8 region labels."""
        labels = self._column("face_crops", "labels", np.uint8)
        side = math.isqrt(labels.shape[1])
        return labels.reshape(self.frames, side, side)

    def labels_at(self, grid: int) -> np.ndarray:
        """(frames, grid, grid) uint8: the region labels of the latent's cells."""
        if self.labels.shape[1] == grid:
            return self.labels
        cells = np.empty((self.frames, grid, grid), np.uint8)
        for row, label in enumerate(self.labels):
            cells[row] = downsample_labels(label, grid)
        return cells

    def codes(self, vqgan: str, grid: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes of upper and lower halves, each (frames, groups, grid / 2, grid) uint16, made by this version of the VQGAN.

        Raises:
            UserError: the cached latents are another VQGAN's, or miss frames of the snapshot.
        """
        makers: set[str] = set()
        halves: dict[str, np.ndarray] = {}
        for place, batch in self._scan("vq_latents", ["upper", "lower", "vqgan"]):
            makers |= set(batch["vqgan"].unique().to_pylist())
            for half in ("upper", "lower"):
                _put(halves, half, self.frames, place, _values(batch[half], np.uint16))
        if makers != {vqgan}:
            raise UserError(
                f"vq_latents were made by VQGAN {', '.join(sorted(makers))}, not by {vqgan}: materialise vq_latents again"
            )
        shape = (self.frames, -1, grid // 2, grid)
        return halves["upper"].reshape(shape), halves["lower"].reshape(shape)

    @cached_property
    def mels(self) -> dict[str, np.ndarray]:
        """Clip name -> log-mel (T_mel, 80) float32, moved into step where the snapshot says so; ends are repeated."""
        wanted = {clip.name for clip in self.clips}
        mels = {}
        for batch in self._dataset("mels").to_batches(columns=["clip", "steps", "mel"], batch_size=_SCANNED_CLIPS):
            for clip, steps, mel in zip(*(batch[name].to_pylist() for name in ("clip", "steps", "mel")), strict=True):
                if clip in wanted:
                    mels[clip] = shift_mel(np.frombuffer(mel, "<f4").reshape(steps, -1), self.sound_offset[clip])
        missing = wanted - set(mels)
        if missing:
            raise UserError(
                f"mels miss {len(missing)} clips of the snapshot ({min(missing)}, ...): materialise mels again"
            )
        return mels

    @cached_property
    def heard(self) -> dict[str, np.ndarray]:
        """Clip name -> the same (T_mel, 80) of the usual voice: what lips are made and judged by."""
        return {clip: of_usual_voice(mel) for clip, mel in self.mels.items()}

    def windows(self, clip: Clip, first_frames: np.ndarray) -> np.ndarray:
        """(N, 16, 80) mel windows that go with the five frames from each of ``first_frames`` (N,) on, counted within the clip."""
        return mel_windows(self.mels[clip.name], first_frames)

    def _dataset(self, table: str) -> lance.LanceDataset:
        return open_table(self.home, table, self.versions.get(table))

    def _scan(
        self, name: str, columns: list[str], all_rows: bool = False
    ) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """The table, some rows at a time: (row of the data of each (n,), these rows with columns clip, frame and ``columns``).

        Rows of other clips, and of frames that a clip has only since the snapshot, are left out; with ``all_rows`` their row is -1.

        Raises:
            UserError: a frame of the snapshot was in none.
        """
        order = {clip.name: (clip.first, clip.frames) for clip in self.clips}
        seen = np.zeros(self.frames, bool)
        for batch in self._dataset(name).to_batches(columns=["clip", "frame", *columns], batch_size=_SCANNED_FRAMES):
            dictionary = batch["clip"].dictionary_encode()
            ranges = np.array(
                [order.get(clip, (0, 0)) for clip in dictionary.dictionary.to_pylist()], np.int64
            ).reshape(-1, 2)
            first, frames = ranges[dictionary.indices.to_numpy()].T
            frame = batch["frame"].to_numpy()
            place = np.where(frame < frames, first + frame, -1)
            seen[place[place >= 0]] = True
            if all_rows or (place >= 0).all():
                yield place, batch
            elif (place >= 0).any():
                yield place[place >= 0], batch.filter(pa.array(place >= 0))
        if not seen.all():
            missing = next(c.name for c in self.clips if not seen[c.first : c.first + c.frames].all())
            raise UserError(f"{name} misses frames of the snapshot (clip {missing}): materialise {name} again")

    def _column(self, table: str, column: str, dtype: type[np.generic]) -> np.ndarray:
        """(frames, n) values of a column with as many in every row."""
        found: dict[str, np.ndarray] = {}
        for place, batch in self._scan(table, [column]):
            _put(found, column, self.frames, place, _values(batch[column], dtype))
        return found[column]


def _share(of_host: int) -> int:
    """Of this process, which torchrun or Ray may have started beside others."""
    return of_host // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _values(rows: pa.Array, dtype: type[np.generic]) -> np.ndarray:
    """(N, n) from an array of fixed-size lists, or of equally long bytes."""
    if pa.types.is_fixed_size_list(rows.type):
        return rows.flatten().to_numpy().reshape(len(rows), -1)
    return np.frombuffer(b"".join(rows.to_pylist()), dtype).reshape(len(rows), -1)


def _put(found: dict[str, np.ndarray], name: str, count: int, place: np.ndarray, values: np.ndarray) -> None:
    """Write values (N, n) to their places in found[name] (count, n), which the first of them make."""
    if name not in found:
        found[name] = np.zeros((count, values.shape[1]), values.dtype)
    found[name][place] = values


def _left_out(videos: set[str], patterns: Sequence[str]) -> set[str]:
    found = {video for video in videos if any(fnmatchcase(video, pattern) for pattern in patterns)}
    if patterns and not found:
        raise UserError(
            f"a training without {', '.join(patterns)}: no video of the training people is called so (one of them is {min(videos, default='none')}); "
            "see training_snapshot.extra and the trainings' own setting `without`"
        )
    return found
