"""The mark that people see: a line of text in a corner of every frame."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

TEXT = "AI-generated"
_HEIGHT = 0.045  # of the text, as a share of the frame's shorter side
_DARKER = 0.45  # what is left of the picture under the text


def draw_label(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 RGB with the label in its lower left corner, light on a darkened ground; a new array."""
    height, width = frame.shape[:2]
    ground, text = _label(height, width)
    rows, columns = ground.shape
    top, left = height - rows, 0
    labelled = frame.copy()
    corner = labelled[top:, left : left + columns]
    dark = corner * (1 - ground[..., None] * (1 - _DARKER))
    corner[:] = np.rint(dark + (255 - dark) * text[..., None]).astype(np.uint8)
    return labelled


@lru_cache(maxsize=4)
def _label(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(ground, text), each (rows, columns) float32, 0 to 1, of the corner of a frame of this size."""
    font, wanted = cv2.FONT_HERSHEY_SIMPLEX, max(8.0, _HEIGHT * min(height, width))
    (long, high), below = cv2.getTextSize(TEXT, font, 1.0, 2)
    scale = min(wanted / high, 0.9 * width / long)
    thick = max(1, round(1.6 * scale))
    (long, high), below = cv2.getTextSize(TEXT, font, scale, thick)
    pad = max(2, high // 2)
    rows, columns = min(height, high + below + 2 * pad), min(width, long + 2 * pad)
    text: np.ndarray = np.zeros((rows, columns), np.uint8)
    cv2.putText(text, TEXT, (pad, pad + high), font, scale, 255, thick, cv2.LINE_AA)
    return np.ones((rows, columns), np.float32), text.astype(np.float32) / 255
