"""The fingerprint of a picture: how a face and what surrounds it move, which compression, size, window, brightness and a cut leave nearly alike.

Source     Oostveen, Kalker and Haitsma, "Feature extraction and a database strategy for video fingerprinting", VISUAL 2002: mean luminance of 4 x 9 blocks, a
           bit is the sign of how the difference of neighbouring blocks changes over time. Ours looks at aligned crops, 5 a second; differences are
           taken by the picture's contrast, over windows of 0.4 s, and held against the mean of 0.4 s before and after: a head that only sways is like others that
           sway (with their first difference two clips of one drawn person disagreed in 27 % of bits, so in 31 %).
Measured   on 49 recordings of real faces, 8 s each, some of them with swapped faces, too (2,250 pairs of different ones, 141,000 shifts with at least 4 s in common):
           they disagree in 36 % of bits at least (two clips of one person: 33 %), 45 % at the best shift of a usual pair. Copies of five of them: h264 at crf 35, half the size at crf 30, 5 %
           of the border cut off, other gamma, another start, another frame rate, and most of it together: 4 to 17 %. A mirrored one is not found (41 %).
           A swapped face on its target, or two on one: 9 to 33 %, 22 of 28 pairs are found, rightly: head and background are the target's recording.
           25 clips of drawn people disagree in 31 % at least (two of one person); copies of those who hardly move, at crf 35 or half the size, in up to 28 %, and are not all found.
           Whole frames instead of crops are as good where the window is the same, but 17 % at 5 % of border and 40 % at a window a quarter narrower (crops: 10 %).
Cost       a crop of 64 px takes 0.2 ms to decode, of 128 px 0.9 ms, of 512 px 10 ms: 100 hours take 7 minutes, 26 minutes, 5 hours of one core, once. One pair in 800
           agrees in as many keys by chance and is held against each other.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import uniform_filter1d

from swaptalk_models.data.media.frame_times import CLIP_RATE
from swaptalk_models.data.recordings.fingerprint import BITS, Fingerprint
from swaptalk_models.data.recordings.same_recording import Kind

EVERY = 5
"""Frames from one that is looked at to the next: 0.2 s."""
GRID = 4, 9
"""Blocks of a crop, rows and columns: 4 x 8 differences of neighbours are a word's bits."""
_FINER = 2  # words for a frame that is looked at: a copy may begin between two of them
WORDS_A_SECOND = CLIP_RATE * _FINER / EVERY
PICTURE = Kind(
    "picture",
    words_a_second=WORDS_A_SECOND,
    alike=0.25,
    least_seconds=4.0,
    keys=12,
    key_bits=11,
    seeds=4,
    key_words=(0, 8),
)
"""Alike: between what copies (0.17) and different recordings (0.33) were found to disagree in."""
_WINDOW = 4  # words: 0.4 s
_LAG = 4  # words: a difference is held against itself 0.4 s before and after
_FLAT = 1.0  # grey levels: differences below are those of an empty picture
MOVING = 0.04
"""Of the picture's contrast: by so much do the differences of blocks bend (second difference over 0.4 s, RMS) where something moves."""


def luminance_grid(png: bytes) -> np.ndarray:
    """Mean luminance (0 to 255) of the blocks of a picture given as PNG, float32 (4, 9)."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return cv2.resize(image.astype(np.float32), GRID[::-1], interpolation=cv2.INTER_AREA)


def picture_fingerprint(grids: np.ndarray) -> Fingerprint:
    """From grids (T, 4, 9) of every ``EVERY``th frame; no words where they last no longer than 0.8 s."""
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
    change = 2 * smooth[_LAG:-_LAG] - smooth[2 * _LAG :] - smooth[: -2 * _LAG]
    return Fingerprint.of_bits(change > 0, np.sqrt(np.square(change).mean(axis=1)) > MOVING)
