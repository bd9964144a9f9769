"""Flicker: what jumps to and fro from one frame to the next, inside of the face and at its rim.

Definition of three consecutive frames, how far the middle one's brightness is from the mean of its neighbours, absolute, on the
           aligned crop at 128 px; mean over pixels and frames. What moves or changes steadily has none; what is there in one
           frame and gone in the next has all of it.
             flicker      over skin and nose.
             rim_flicker  over a band of a tenth of the eyes' distance to either side of the face's outline, below the eyes: where
                          what was made meets what was kept.
Units      levels of 255, 0 and up, lower is better, but blur flickers less than a real face: read it beside the ground truth, whose
           skin moves as it speaks.
Judge      none: arithmetic on pixels; landmarks say where the face is.
Source     ours, after the temporal terms of video restoration (differences of consecutive frames), with a second difference so that
           heads may move.
Excludes   triples in which a frame has no face, eyes (they blink), brows and lips.
"""

from __future__ import annotations

import cv2
import numpy as np

from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.metrics.face_areas import NOSE, SKIN, face_areas

_SIDE = 128
_BAND = 0.1  # of the eyes' distance, to either side
_AREAS_EVERY = 10  # frames: a head hardly turns meanwhile, and the crop follows it


class Flicker:
    """Looks at every frame; holds two of them."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, np.ndarray]] = []
        self._areas: tuple[int, np.ndarray, np.ndarray] | None = None
        self._sums = np.zeros(2)
        self.triples = 0
        """Frames that were held against both of their neighbours."""

    def look(self, number: int, crop: np.ndarray, landmarks: np.ndarray) -> None:
        """Frame `number` with a face, numbers rising: crop (S, S, 3) uint8 RGB and landmarks (68, 2) in its pixels."""
        small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        self._frames.append((number, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)))
        if self._areas is None or number - self._areas[0] >= _AREAS_EVERY:
            self._areas = number, *_areas((landmarks + 0.5) * (_SIDE / len(crop)) - 0.5)
        if len(self._frames) < 3:
            return
        (first, before), (_, middle), (last, after) = self._frames
        if last - first == 2 and all(where.any() for where in self._areas[1:]):
            change = np.abs(middle - (before + after) / 2)
            self._sums += [change[where].mean() for where in self._areas[1:]]
            self.triples += 1
        self._frames.pop(0)

    def figures(self) -> dict[str, float]:
        """NaN without three consecutive frames."""
        inside, rim = self._sums / self.triples if self.triples else (float("nan"),) * 2
        return {"flicker": float(inside), "rim_flicker": float(rim)}


def _areas(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the face's inside and its rim are, bool (128, 128), from landmarks (68, 2) in its pixels."""
    labels = face_areas(landmarks, _SIDE)
    face = (labels > 0).astype(np.uint8)
    reach = max(1, round(_BAND * float(interocular(landmarks[None])[0])))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    core = cv2.erode(face, kernel)
    rim = (cv2.dilate(face, kernel) > 0) & (core == 0)
    rim[: max(0, round(float(landmarks[36:48, 1].mean())))] = False
    return ((labels == SKIN) | (labels == NOSE)) & (core > 0), rim
