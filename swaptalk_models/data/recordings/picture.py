"""The fingerprint of a picture: how a face and what surrounds it move, which compression, size, window, brightness and a cut leave nearly alike."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import uniform_filter1d

from swaptalk_models.data.recordings.fingerprint import BITS, Fingerprint
from swaptalk_models.data.recordings.same_recording import Kind

EVERY = 5
"""Frames from one that is looked at to the next."""
GRID = 4, 9
"""Blocks of a crop, rows and columns: 4 x 8 differences of neighbours are a word's bits."""
FRAME_RATE = 25
_FINER = 2  # words for a frame that is looked at: a copy may begin between two of them
WORDS_A_SECOND = FRAME_RATE * _FINER / EVERY
PICTURE = Kind(
    "picture", words_a_second=WORDS_A_SECOND, alike=0.25, least_seconds=4.0, keys=8, key_bits=12, key_words=(0, 6)
)
_WINDOW = 4  # words: 0.4 s
_BEFORE = 4  # words: a difference is held against itself 0.4 s ago
_FLAT = 1.0  # grey levels: differences below are those of an empty picture
MOVING = 0.04
"""Of the picture's contrast: by so much do the differences of blocks change in 0.4 s where something moves."""


def luminance_grid(png: bytes) -> np.ndarray:
    """Mean luminance (0 to 255) of the blocks of a picture given as PNG, float32 (4, 9)."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return cv2.resize(image.astype(np.float32), GRID[::-1], interpolation=cv2.INTER_AREA)


def picture_fingerprint(grids: np.ndarray) -> Fingerprint:
    """From grids (T, 4, 9) of every ``EVERY``th frame; no words where they last no longer than the lag of 0.4 s."""
    if len(grids) < 2:
        return Fingerprint.of_bits(np.zeros((0, BITS), bool), np.zeros(0, bool))
    edges = np.diff(grids.astype(np.float32), axis=2).reshape(len(grids), BITS)
    at = np.arange((len(grids) - 1) * _FINER + 1) / _FINER
    before = np.minimum(at.astype(int), len(grids) - 2)
    share = (at - before)[:, None].astype(np.float32)
    edges = edges[before] * (1 - share) + edges[before + 1] * share
    # By their contrast: a picture that is faded in or out, or a light that is turned, does not move.
    edges /= np.maximum(np.sqrt(np.square(edges).mean(axis=1, keepdims=True)), _FLAT)
    smooth = uniform_filter1d(edges, _WINDOW, axis=0, mode="nearest")
    change = smooth[_BEFORE:] - smooth[:-_BEFORE]
    return Fingerprint.of_bits(change > 0, np.sqrt(np.square(change).mean(axis=1)) > MOVING)
