"""The mouths of both videos, as a lipreader sees them, frame by frame: see `lipreader.py`."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

SIDE, WINDOW, SHORTEST = 88, 100, 25


class LipReaderJudge(Protocol):
    """A lipreading network."""

    name: str

    def affines(self, landmarks: np.ndarray) -> np.ndarray:
        """Frame to mouth crop (T, 2, 3) from landmarks (T, 68, 2)."""

    def rows(self, mouths: np.ndarray) -> np.ndarray:
        """Features (T, D) of grey mouths (T, 88, 88) uint8."""


class LipReading:
    """Both sides' mouths, frame by frame; a window of them is held."""

    def __init__(self, reader: LipReaderJudge, ours: np.ndarray, theirs: np.ndarray, usable: np.ndarray) -> None:
        """`ours`, `theirs`: landmarks (T, 68, 2) of both videos; `usable` (T,): frames with a face in both."""
        self._reader, self._usable = reader, usable
        self._affines = reader.affines(ours), reader.affines(theirs)
        self._held: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        self._counted: list[bool] = []
        self._cosines: list[np.ndarray] = []

    def look(self, number: int, frame: np.ndarray, target: np.ndarray) -> None:
        """The next frame of both, (H, W, 3) uint8 RGB."""
        for held, affines, image in zip(self._held, self._affines, (frame, target), strict=True):
            crop = cv2.warpAffine(image, affines[number], (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
            held.append(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
        self._counted.append(bool(self._usable[number]))
        if len(self._counted) == WINDOW:
            self._read()

    def score(self) -> float:
        """NaN for too few frames."""
        if len(self._counted) >= SHORTEST:
            self._read()
        return float(np.concatenate(self._cosines).mean()) if self._cosines else float("nan")

    def _read(self) -> None:
        ours, theirs = (self._reader.rows(np.stack(held)) for held in self._held)
        norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        cosines = (ours * theirs).sum(axis=1) / np.maximum(norms, 1e-12)
        if any(self._counted):
            self._cosines.append(cosines[np.array(self._counted)])
        for held in self._held:
            held.clear()
        self._counted.clear()
