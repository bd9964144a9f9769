"""LSE-D, LSE-C and AV offset: how well the lips follow the sound, by a SyncNet's window embeddings.

Source     Chung and Zisserman, "Out of time", ACCV-W 2016, and joonson/syncnet_python; names LSE-C and LSE-D from
           Prajwal et al., "A lip sync expert is all you need", ACM MM 2020.
Definition L2 distances between the embedding of every 5-frame window and of sound windows up to 15 frames away,
           averaged for each offset. LSE-D = least of these means; LSE-C = their median - LSE-D; AV offset = where the
           least lies.
Sign       as SyncNet prints it: offset = picture's position - position of the sound that fits it. **Positive: the sound
           comes too early** (the picture is late); negative: the sound lags behind the picture. One frame = 40 ms.
Units      LSE-C, LSE-D: embedding distance of the judge named in the result, not comparable between judges; LSE-C
           higher is better, LSE-D lower is better; AV offset in frames, 0 is best. LSE-C and LSE-D forgive a constant
           offset: always read all three, and beside the ground-truth row.
Excludes   windows that contain a frame without a face. The original pads the sound with zero vectors, which biases
           short clips; here an offset's mean is over existing pairs only (`edges="zero"` gives the original's value).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST_PAIRS = 5
"""Below this many pairs at any offset there is no score: 24 frames are the shortest video for 15 frames of offset."""


@dataclass(frozen=True)
class SyncScore:
    """Sync of one video."""

    lse_c: float
    """Confidence: median of the curve less its minimum."""
    lse_d: float
    """Distance: minimum of the curve."""
    av_offset: int
    """Where the minimum lies (frames, positive: the sound comes too early)."""
    curve: np.ndarray
    """(2 x max_offset + 1,) mean distance at offsets -max_offset ... max_offset."""
    windows: int
    """Windows of the picture that counted."""


def offset_distances(
    video: np.ndarray, audio: np.ndarray, max_offset: int = 15, valid: np.ndarray | None = None, edges: str = "valid"
) -> tuple[np.ndarray, np.ndarray]:
    """Mean distance and number of pairs at each offset -max_offset ... max_offset, both (2 x max_offset + 1,).

    `video` (N, D) and `audio` (M, D): row i is the window that starts at frame i. `valid` (N,) picks the windows that
    count. Offsets without a pair are NaN. `edges`: "valid" or "zero" (see the module's text).
    """
    assert edges in ("valid", "zero")
    index = np.flatnonzero(valid) if valid is not None else np.arange(len(video))
    means, pairs = np.full(2 * max_offset + 1, np.nan), np.zeros(2 * max_offset + 1, dtype=int)
    for slot, offset in enumerate(range(-max_offset, max_offset + 1)):
        sound = index - offset
        inside = (sound >= 0) & (sound < len(audio))
        distances = np.linalg.norm(video[index[inside]] - audio[sound[inside]], axis=1)
        if edges == "zero":
            distances = np.concatenate([distances, np.linalg.norm(video[index[~inside]], axis=1)])
        pairs[slot] = len(distances)
        if len(distances):
            means[slot] = distances.mean(dtype=np.float64)
    return means, pairs


def sync_score(
    video: np.ndarray, audio: np.ndarray, max_offset: int = 15, valid: np.ndarray | None = None, edges: str = "valid"
) -> SyncScore | None:
    """LSE-C, LSE-D and AV offset from window embeddings (see `offset_distances`); None when the video is too short."""
    curve, pairs = offset_distances(video, audio, max_offset, valid, edges)
    if pairs.min() < FEWEST_PAIRS:
        return None
    best = int(np.argmin(curve))
    windows = int(np.count_nonzero(valid)) if valid is not None else len(video)
    return SyncScore(float(np.median(curve) - curve[best]), float(curve[best]), best - max_offset, curve, windows)
