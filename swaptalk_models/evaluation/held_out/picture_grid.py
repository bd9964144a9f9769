"""Pictures that a training leaves beside its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.store.atomic_write import atomic_write


def save_grid(rows: Sequence[np.ndarray], path: Path, scale: int = 2) -> None:
    """Rows of equally many images, each (N, S, S, 3) uint8 RGB, as one PNG, magnified ``scale`` times."""
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
    sheet = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    with atomic_write(path) as aside:
        aside.write_bytes(encode_png(sheet))
