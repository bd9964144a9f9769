"""Leak test: what a mouth takes from the target video instead of from the sound that drives it.

One target is driven three times: by its own sound, by another's, by silence.

Definitions
    open_in_silence  share of the frames of the silence-driven video whose mouth is open: the lips' inner middle points are
                     more than OPEN eye distances apart.
    pause_range      how far the mouth still opens and closes in pauses of the driving sound of at least 300 ms: 90th less
                     10th percentile of the opening within each pause, mean over pauses weighted by their frames. Of each
                     pause two frames at either end are left out, since lips open before they are heard and close after.
    copied_lips      Pearson's correlation of the mouth's opening with the target's own, under another's sound.
    lse_c_fall       LSE-C of the self-driven video less that of the cross-driven one, each with the sound that drives it.
                     The target's own lips fit its own sound: who copies them is sure there and lost here.
Units      %; % of the distance between the eyes; -1 to 1; the sync judge's distance. A method that takes nothing from the
           target has 0 in all; the ground truth's row shows what one has that copies everything.
Judge      landmarks and sync, as the result names them.
Source     the share of open mouths under silence after LipLeak (Bigata et al., "KeySync", 2025); pauses of 300 ms after
           THEval (Quignon et al., 2025); the fall after the paper's finding that Wav2Lip wins self-driven and loses
           cross-driven. Definitions in detail are ours.
Excludes   frames without a face; pauses with fewer than 4 frames left; copied_lips of self-driven videos, whose lips ought to
           be the target's.
"""

from __future__ import annotations

import numpy as np

OPEN = 0.06
"""Opening, in eye distances (about 4 mm), above which a mouth counts as open: landmarks of closed lips are 0.02 to 0.04 apart."""
PAUSE_FRAMES = 8  # 300 ms
_MARGIN = 2  # frames at either end of a pause
_FEWEST = 4  # frames that have to be left


def open_share(opening: np.ndarray) -> float:
    """Percent of the known frames of an opening (T,), NaN where unknown, in which the mouth is open; NaN for none."""
    known = opening[np.isfinite(opening)]
    return float(100 * (known > OPEN).mean()) if len(known) else float("nan")


def pauses(quiet: np.ndarray, fewest: int = PAUSE_FRAMES) -> list[tuple[int, int]]:
    """Runs of at least `fewest` quiet frames, bool (T,): [(first, behind the last)]."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    return [(int(first), int(end)) for first, end in steps.reshape(-1, 2) if end - first >= fewest]


def pause_range(opening: np.ndarray, quiet: np.ndarray) -> float:
    """Percent of the eyes' distance, from an opening (T,), NaN where unknown, and which frames are quiet (T,); NaN without a pause."""
    total = frames = 0.0
    for first, end in pauses(quiet):
        within = opening[first + _MARGIN : end - _MARGIN]
        within = within[np.isfinite(within)]
        if len(within) >= _FEWEST:
            high, low = np.percentile(within, [90, 10])
            total, frames = total + len(within) * (high - low), frames + len(within)
    return float(100 * total / frames) if frames else float("nan")
