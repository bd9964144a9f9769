"""What trainings read: the rows that a snapshot names, straight from the Lance tables.

Frames of all clips stand one behind the other; a clip is a range of them. What fits is held in memory: crops decoded, else as they are stored; codes,
labels, landmarks and mels. Of a corpus that is too large for that each stays in its table until a batch wants it, so a host's memory has a bound whatever
the corpus and the number of its processes.
"""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import lance
import numpy as np
import pyarrow.parquet as pq

from swaptalk_models.data.faces.alignment import smooth_landmarks
from swaptalk_models.data.faces.regions import downsample_labels
from swaptalk_models.data.media.png import decode_png
from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.data.sound.usual_voice import of_usual_voice
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.tables import open_table
from swaptalk_models.errors import UserError
from swaptalk_models.training.clip_mels import ClipMels, MadeOfMels
from swaptalk_models.training.frame_table import FrameColumn, FrameTable, Rows

# Of a host, whatever the number of its processes.
DECODED_BYTES = 2 << 30  # crops are held decoded up to here: a minute of CPU at 64 px, the whole memory at 512 px
STORED_BYTES = 8 << 30  # and as they are stored up to here: HDTF's at 256 px are some 130 GB
COLUMN_BYTES = (
    4 << 30
)  # each other thing that frames or clips have: codes of one half at 128 px and f4 are 8 KiB a frame, of six hours 4 GiB
_SIGMAS = 4  # beyond these a Gaussian counts for nothing


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
            held: False for a worker, of which a machine has many: all then stays on disk.

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
    def _faces(self) -> FrameTable:
        return self._table("face_crops")

    @cached_property
    def _crops(self) -> list[bytes] | None:
        """All crops as they are stored, where they fit into STORED_BYTES; else each is read when it is wanted."""
        if not self.held or self.frames * len(self._read_crops(np.array([0]))[0]) > _share(STORED_BYTES):
            return None
        crops = [b""] * self.frames
        for place, batch in self._faces.scan(["crop"]):
            for row, crop in zip(place, batch["crop"].to_pylist(), strict=True):
                crops[row] = crop
        return crops

    def _read_crops(self, rows: np.ndarray) -> list[bytes]:
        """Stored crops of these rows, from disk."""
        return self._faces.take("crop", rows).to_pylist()

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
    def landmarks(self) -> Rows:
        """(frames, 68, 2) float32, in pixels of the crop."""
        return self._column(self._faces, "landmarks", np.float32, lambda points: points.reshape(-1, 68, 2))

    def landmarks_of_clip(self, clip: Clip) -> np.ndarray:
        """(clip.frames, 68, 2) float32"""
        return self.landmarks[clip.first : clip.first + clip.frames]

    def steady_landmarks_of(self, row: int, sigma: float) -> np.ndarray:
        """(68, 2) float32: of one row, smoothed over its clip's frames with a Gaussian of ``sigma`` frames."""
        clip = self.clips[bisect_right(self.clips, row, key=lambda clip: clip.first) - 1]
        reach = math.ceil(_SIGMAS * sigma)
        first, end = max(clip.first, row - reach), min(clip.first + clip.frames, row + reach + 1)
        return smooth_landmarks(self.landmarks[first:end], sigma)[row - first]

    @cached_property
    def labels(self) -> Rows:
        """(frames, g, g) uint8 region labels."""
        return self._column(self._faces, "labels", np.uint8, _square)

    def labels_at(self, grid: int) -> Rows:
        """(frames, grid, grid) uint8: the region labels of the latent's cells."""
        if self.labels.shape[1] == grid:
            return self.labels

        def cells(labels: np.ndarray) -> np.ndarray:
            return np.stack([downsample_labels(label, grid) for label in _square(labels)])

        if isinstance(self.labels, FrameColumn) and not self.labels.held:
            return self._column(self._faces, "labels", np.uint8, cells)
        found = np.empty((self.frames, grid, grid), np.uint8)
        for row, label in enumerate(self.labels[:]):
            found[row] = downsample_labels(label, grid)
        return found

    def codes(self, vqgan: str, grid: int) -> tuple[Rows, Rows]:
        """Codes of upper and lower halves, each (frames, groups, grid / 2, grid) uint16, made by this version of the VQGAN.

        Raises:
            UserError: the cached latents are another VQGAN's, or miss frames of the snapshot.
        """
        latents = self._table("vq_latents")
        makers = {maker for _, batch in latents.scan(["vqgan"]) for maker in batch["vqgan"].unique().to_pylist()}
        if makers != {vqgan}:
            raise UserError(
                f"vq_latents were made by VQGAN {', '.join(sorted(makers))}, not by {vqgan}: materialise vq_latents again"
            )

        def halves(codes: np.ndarray) -> np.ndarray:
            return codes.reshape(len(codes), -1, grid // 2, grid)

        upper, lower = (self._column(latents, half, np.uint16, halves) for half in ("upper", "lower"))
        return upper, lower

    def _table(self, name: str) -> FrameTable:
        clips = {clip.name: (clip.first, clip.frames) for clip in self.clips}
        return FrameTable(name, lambda: self._dataset(name), clips)

    def _column(
        self, table: FrameTable, name: str, dtype: type[np.generic], shaped: Callable[[np.ndarray], np.ndarray]
    ) -> FrameColumn:
        return FrameColumn(table, name, dtype, self._room, shaped)

    @property
    def _room(self) -> int:
        """Bytes that this process may hold of anything that every frame or clip has."""
        return _share(COLUMN_BYTES) if self.held else 0

    @cached_property
    def mels(self) -> Mapping[str, np.ndarray]:
        """Clip name -> log-mel (T_mel, 80) float32, moved into step where the snapshot says so; ends are repeated."""
        return ClipMels(self._dataset("mels"), self.sound_offset, self._room)

    @cached_property
    def heard(self) -> Mapping[str, np.ndarray]:
        """Clip name -> the same (T_mel, 80) of the usual voice: what lips are made and judged by."""
        return MadeOfMels(self.mels, of_usual_voice)

    def windows(self, clip: Clip, first_frames: np.ndarray) -> np.ndarray:
        """(N, 16, 80) mel windows that go with the five frames from each of ``first_frames`` (N,) on, counted within the clip."""
        return mel_windows(self.mels[clip.name], first_frames)

    def _dataset(self, table: str) -> lance.LanceDataset:
        return open_table(self.home, table, self.versions.get(table))


def _share(of_host: int) -> int:
    """Of this process, which torchrun or Ray may have started beside others."""
    return of_host // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _square(labels: np.ndarray) -> np.ndarray:
    """(N, g, g) from (N, g * g)."""
    side = math.isqrt(labels.shape[1])
    return labels.reshape(len(labels), side, side)


def _left_out(videos: set[str], patterns: Sequence[str]) -> set[str]:
    found = {video for video in videos if any(fnmatchcase(video, pattern) for pattern in patterns)}
    if patterns and not found:
        raise UserError(
            f"a training without {', '.join(patterns)}: no video of the training people is called so (one of them is {min(videos, default='none')}); "
            "see training_snapshot.extra and the trainings' own setting `without`"
        )
    return found
