"""The mels of a snapshot's clips: held in memory where they fit, else read one clip at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import lance
import numpy as np

from swaptalk_models.data.sound.mel import shift_mel
from swaptalk_models.errors import UserError

_SCANNED_CLIPS = 64  # rows read at a time
_KEPT_CLIPS = 64  # of what is read from disk: a batch asks for a clip more than once


class ClipMels(Mapping[str, np.ndarray]):
    """Clip -> log-mel (T_mel, 80) float32 in [-4, 4], moved into step; ends are repeated."""

    def __init__(self, table: lance.LanceDataset, offsets: Mapping[str, int], room: int):
        """
        Args:
            offsets: clip -> by how many frames its sound is moved; these are the clips that there are.
            room: bytes that this process may hold.

        Raises:
            UserError: the table misses one of them.
        """
        self._dataset, self._offsets = table, dict(offsets)
        self._places: dict[str, int] = {}
        first = steps = 0
        for batch in self._dataset.to_batches(columns=["clip", "steps"], batch_size=1024 * _SCANNED_CLIPS):
            for row, (clip, length) in enumerate(
                zip(*(batch[name].to_pylist() for name in ("clip", "steps")), strict=True)
            ):
                if clip in self._offsets:
                    self._places[clip], steps = first + row, steps + length
            first += len(batch)
        missing = set(self._offsets) - set(self._places)
        if missing:
            raise UserError(
                f"mels miss {len(missing)} clips of the snapshot ({min(missing)}, ...): materialise mels again"
            )
        self.held = steps * 80 * 4 <= room
        """Whether they are in memory."""
        self._of = self._all().__getitem__ if self.held else lru_cache(_KEPT_CLIPS)(self._read)

    def _all(self) -> dict[str, np.ndarray]:
        batches = self._dataset.to_batches(columns=["clip", "steps", "mel"], batch_size=_SCANNED_CLIPS)
        rows = (row for batch in batches for row in batch.to_pylist())
        return {row["clip"]: self._made(row) for row in rows if row["clip"] in self._offsets}

    def _read(self, clip: str) -> np.ndarray:
        [row] = self._dataset.take([self._places[clip]], columns=["clip", "steps", "mel"]).to_pylist()
        return self._made(row)

    def _made(self, row: Mapping[str, Any]) -> np.ndarray:
        mel = np.frombuffer(row["mel"], "<f4").reshape(row["steps"], -1)
        return shift_mel(mel, self._offsets[row["clip"]])

    def __getitem__(self, clip: str) -> np.ndarray:
        return self._of(clip)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class MadeOfMels(Mapping[str, np.ndarray]):
    """Clip -> what is made of its mel, an array as large. Held where the mels are."""

    def __init__(self, mels: Mapping[str, np.ndarray], make: Callable[[np.ndarray], np.ndarray]):
        self._mels = mels
        self.held = not isinstance(mels, ClipMels) or mels.held
        made = {clip: make(mel) for clip, mel in mels.items()} if self.held else {}
        self._of = made.__getitem__ if self.held else lru_cache(_KEPT_CLIPS)(lambda clip: make(mels[clip]))

    def __getitem__(self, clip: str) -> np.ndarray:
        return self._of(clip)

    def __iter__(self) -> Iterator[str]:
        return iter(self._mels)

    def __len__(self) -> int:
        return len(self._mels)
