"""The frames of a snapshot in a Lance table: where each lies, and columns of them, which are held in memory or read when they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol

import lance
import numpy as np
import pyarrow as pa

from swaptalk_models.errors import UserError

_SCANNED_FRAMES = 2048  # rows read at a time


class FrameTable:
    """One of the tables that have a row a frame, as far as the snapshot names its rows.

    Frames of the data stand one behind the other, those of a clip from ``clips[clip][0]`` on; in the table they may lie anywhere.
    """

    def __init__(self, name: str, open_table: Callable[[], lance.LanceDataset], clips: dict[str, tuple[int, int]]):
        """
        Args:
            clips: clip -> (its first row of the data, its frames).
        """
        self.name, self.clips = name, clips
        self.frames = sum(frames for _, frames in clips.values())
        self._open = open_table

    @cached_property
    def _dataset(self) -> lance.LanceDataset:
        return self._open()

    def scan(self, columns: Sequence[str], all_rows: bool = False) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """The table, some rows at a time: (row of the data of each (n,), these rows with columns clip, frame and ``columns``).

        Rows of other clips, and of frames that a clip has only since the snapshot, are left out; with ``all_rows`` their row is -1.

        Raises:
            UserError: there is no such table, or a frame of the snapshot was not in it.
        """
        seen = np.zeros(self.frames, bool)
        for batch in self._dataset.to_batches(columns=["clip", "frame", *columns], batch_size=_SCANNED_FRAMES):
            dictionary = batch["clip"].dictionary_encode()
            ranges = np.array([self.clips.get(clip, (0, 0)) for clip in dictionary.dictionary.to_pylist()], np.int64)
            first, frames = ranges.reshape(-1, 2)[dictionary.indices.to_numpy()].T
            frame = batch["frame"].to_numpy()
            place = np.where(frame < frames, first + frame, -1)
            seen[place[place >= 0]] = True
            if all_rows or (place >= 0).all():
                yield place, batch
            elif (place >= 0).any():
                yield place[place >= 0], batch.filter(pa.array(place >= 0))
        if not seen.all():
            missing = next(
                clip for clip, (first, frames) in self.clips.items() if not seen[first : first + frames].all()
            )
            raise UserError(
                f"{self.name} misses frames of the snapshot (clip {missing}): materialise {self.name} again"
            )

    @cached_property
    def _places(self) -> np.ndarray:
        """(frames,) int64: which row of the table holds each frame."""
        places, first = np.empty(self.frames, np.int64), 0
        for place, batch in self.scan([], all_rows=True):
            places[place[place >= 0]] = first + np.flatnonzero(place >= 0)
            first += len(batch)
        return places

    def take(self, column: str, rows: np.ndarray) -> pa.Array:
        """A column at these rows (N,) of the data, in any order and as often as they are named, from disk."""
        places, again = np.unique(self._places[rows], return_inverse=True)
        return self._dataset.take(places, columns=[column])[column].take(pa.array(again)).combine_chunks()


class Rows(Protocol):
    """Something of every frame, as an array (frames, ...) is indexed: by a row, a slice, or an array of rows."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> np.ndarray: ...


class FrameColumn(Rows):
    """Numbers of every frame, held in memory where all of them fit into ``room``; else they stay on disk, and each time those that are asked for
    are read."""

    def __init__(
        self,
        table: FrameTable,
        column: str,
        dtype: type[np.generic],
        room: int,
        shaped: Callable[[np.ndarray], np.ndarray] = lambda values: values,
    ):
        """
        Args:
            room: bytes that this process may hold of it.
            shaped: from the column's values (N, n) to what is wanted of each (N, ...).
        """
        self._table, self._column, self._stored, self._shaped = table, column, np.dtype(dtype), shaped
        like = self._read(np.zeros(1, np.int64))
        self._dtype, self._shape = like.dtype, (table.frames, *like.shape[1:])
        self.held = like.nbytes * table.frames <= room
        """Whether it may be in memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @cached_property
    def _values(self) -> np.ndarray:
        values = np.empty(self.shape, self.dtype)
        for place, batch in self._table.scan([self._column]):
            values[place] = self._shaped(numbers(batch[self._column], self._stored))
        return values

    def _read(self, rows: np.ndarray) -> np.ndarray:
        return self._shaped(numbers(self._table.take(self._column, rows), self._stored))

    def __getitem__(self, rows: Any) -> np.ndarray:
        if self.held:
            return self._values[rows]
        index = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows)
        assert index.dtype.kind == "i", index.dtype
        return self._read(index.ravel()).reshape(*index.shape, *self.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it."""
        return np.asarray(self[:], dtype)


def numbers(rows: pa.Array, dtype: np.dtype[Any]) -> np.ndarray:
    """(N, n) from an array of fixed-size lists, or of equally long bytes."""
    if pa.types.is_fixed_size_list(rows.type):
        return rows.flatten().to_numpy().reshape(len(rows), -1)
    return np.frombuffer(b"".join(rows.to_pylist()), dtype).reshape(len(rows), -1)
